"""`pytest --nbval` passes a right notebook whatever plug-ins, options and home it runs with."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from scripts import notebooks
from scripts.setup_cell import ROOT

SHUFFLE = """
def pytest_collection_modifyitems(items):
    items.reverse()
"""


@pytest.fixture
def counting(course):
    """A course whose two notebooks count to three, a cell each."""
    for name in ("scripts", "conftest.py"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, course / name)
    (course / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "nbval_sanitize.cfg", course / "tests")
    (course / "shuffle.py").write_text(SHUFFLE)
    cells = [new_code_cell("x = 0", execution_count=1)]
    for number in (1, 2, 3):
        printed = new_output("stream", name="stdout", text=f"{number}\n")
        source = f"assert x == {number - 1}\nx += 1\nprint(x)"
        cells.append(new_code_cell(source, outputs=[printed], execution_count=number + 1))
    shutil.rmtree(course / "notebooks")
    (course / "notebooks").mkdir()
    for name in ("a", "b"):
        notebooks.write(course / "notebooks" / f"{name}.ipynb", new_notebook(cells=cells))
    return course


def nbval(folder, *options, home=None):
    """The exit status and the outcomes of pytest, and all it printed."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"HOME": home} if home else {}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    printed = result.stdout + result.stderr
    return result.returncode, re.findall(r"\d+ (?:passed|failed|error)", printed), printed


@pytest.mark.parametrize(
    "options",
    [
        ["notebooks", "-p", "shuffle"],
        ["notebooks", "-n2", "--dist=worksteal"],
        ["notebooks", "-n2", "--dist=loadgroup", "-p", "shuffle"],
        ["notebooks", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"],
        ["notebooks/a.ipynb::Cell 3", "notebooks/b.ipynb", "-p", "shuffle"],
        ["notebooks", "-k", "3"],
    ],
    ids=" ".join,
)
def test_cells_run_in_order(options, counting):
    assert nbval(counting, *options)[:2] == (0, ["8 passed"])


def test_the_folder_and_the_home_do_not_matter(counting, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    options = str(counting / "notebooks"), f"--rootdir={elsewhere}", "-c", os.devnull
    assert nbval(elsewhere, *options, home="/proc/none")[:2] == (0, ["8 passed"])


def test_the_users_profile_does_not_matter(counting, tmp_path):
    startup = tmp_path / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("import os\nos._exit(1)")
    assert nbval(counting, "notebooks/a.ipynb", home=str(tmp_path / "home"))[:2] == (
        0,
        ["4 passed"],
    )


def test_without_nbval_the_other_tests_run(counting):
    (counting / "tests" / "test_one.py").write_text("def test_one():\n    pass")
    command = [sys.executable, "-m", "pytest", "-p", "no:nbval"]
    result = subprocess.run(command, cwd=counting, capture_output=True, text=True)
    assert result.returncode == 0 and "1 passed" in result.stdout


@pytest.mark.parametrize(
    ("alt", "outcome"),
    [
        ("98.5 % of 1,000 read", "1 passed"),
        ("-7 % of 12.3 read", "1 passed"),
        ("98.5 % of 1,000 misread", "1 failed"),
    ],
)
def test_of_an_alternative_text_the_words_are_compared(alt, outcome, counting):
    """The numbers may be measured; the animation's bytes differ from machine to machine."""
    path = counting / "notebooks" / "a.ipynb"
    source = "import sys\nsys.path.insert(0, '..')\nfrom utils import figures\n"
    source += "figures.show_picture({!r}, {!r}, (9, 9), 'image/gif')"
    notebook = new_notebook(cells=[new_code_cell(source.format(b"GIF89a", alt))])
    notebooks.execute(notebook, path.parent)
    (cell,) = notebook.cells
    cell.source = source.format(b"GIF89b", "98.5 % of 1,000 read")
    notebooks.write(path, notebook)
    assert nbval(counting, "notebooks/a.ipynb")[1] == [outcome]

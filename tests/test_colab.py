"""The notebooks as Google Colab runs them: a folder that holds one notebook and nothing else.

A stand-in for `google.colab` is loaded when the kernel starts, and git's configuration leads the
published address to a copy of this checkout. By default the set-up cell and one cell more run in
this environment; `make colab-test` sets COLAB_PYTHON to a Python with Colab's versions, and
COLAB_FULL=1 to run every cell of every notebook.
"""

import os
import shutil
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from scripts import notebooks, publish, setup_cell

ROOT = setup_cell.ROOT
PYTHON = os.environ.get("COLAB_PYTHON", sys.executable)
FULL = os.environ.get("COLAB_FULL") == "1"
REPOSITORY = "somebody/course-on-colab"
URL = f"https://github.com/{REPOSITORY}.git"

PROBE = """\
import os, sys, utils
from utils.quiet import load_tensorflow
load_tensorflow()
print(os.path.relpath(utils.__path__[0], start), os.path.relpath(os.getcwd(), start))
print("keras" in sys.modules, "tensorflow" in sys.modules)"""


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A repository that holds this checkout's files as they are now, with its address stamped."""
    folder = tmp_path_factory.mktemp("published")
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "notebooks" / "solutions").mkdir(parents=True, exist_ok=True)
    cells = [
        new_markdown_cell("# Probe\n\n<!-- colab badge --><!-- /colab badge -->"),
        new_code_cell("start = 'not set'", metadata=setup_cell.METADATA),
        new_code_cell(PROBE),
    ]
    probe = folder / "notebooks" / "00_probe.ipynb"
    probe.write_text(notebooks.dumps(new_notebook(cells=cells)), encoding="utf-8")
    publish.publish(REPOSITORY, "main", root=folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    identity = "-c", "user.name=test", "-c", "user.email=test@example.org"
    git(folder, *identity, "commit", "--quiet", "--message=published")
    return folder


def git(folder, *arguments):
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def colab(tmp_path, published):
    """A machine like Colab's: an empty folder, and the environment of its kernel."""
    start = tmp_path / "content"
    start.mkdir()
    modules = tmp_path / "modules"
    (modules / "google" / "colab").mkdir(parents=True)
    (modules / "google" / "colab" / "__init__.py").touch()
    (tmp_path / "ipython" / "profile_default" / "startup").mkdir(parents=True)
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "00-colab.py"
    startup.write_text(f"import google.colab\nstart = {str(start)!r}\n")
    config = tmp_path / "gitconfig"
    redirect(config, f"file://{published}")
    environment = without_pytest() | {
        "PYTHONPATH": str(modules),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return start, environment


def without_pytest():
    """The environment in which ipykernel shows what C++ code logs, as it does on Colab."""
    environment = notebooks.kernel_environment()
    del environment["PYTEST_CURRENT_TEST"]
    return environment


def redirect(config, target):
    """Lead the published address to `target`."""
    config.write_text(f'[url "{target}"]\n    insteadOf = {URL}\n')


def run(path, colab, cells=None):
    """Run a notebook in the empty folder as Colab would; returns it with its outputs."""
    start, environment = colab
    notebook = notebooks.read(path)
    notebooks.execute(notebook, start, PYTHON, environment, cells)
    return notebook


def printed(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "".join(output.get("text", "") for output in code[-1].outputs)


def test_the_course_is_fetched_once(published, colab):
    start, environment = colab
    probe = published / "notebooks" / "00_probe.ipynb"
    notebook = run(probe, colab)
    folder = os.path.join("course", "utils"), os.path.join("course", "notebooks")
    assert printed(notebook) == " ".join(folder) + "\nTrue True\n"
    assert [output for cell in notebook.cells[:2] for output in cell.get("outputs", [])] == []
    assert git(start / "course", "rev-list", "--count", "HEAD") == "1\n"
    marker = start / "course" / "marker"
    marker.touch()
    redirect(start.parent / "gitconfig", "file:///nowhere")
    twice = notebooks.read(probe)
    twice.cells.insert(2, twice.cells[1])
    path = start / "twice.ipynb"
    path.write_text(notebooks.dumps(twice), encoding="utf-8")
    assert printed(run(path, colab)) == printed(notebook)
    assert marker.exists()


@pytest.mark.skipif(not FULL, reason="only `make colab-test` runs every cell")
@pytest.mark.parametrize(
    "name",
    [
        path.relative_to(ROOT / "notebooks").as_posix()
        for folder in ("", "solutions/")
        for path in sorted((ROOT / "notebooks").glob(f"{folder}*.ipynb"))
    ],
)
def test_notebook_runs_on_colab(name, published, colab):
    notebook = run(published / "notebooks" / name, colab)
    for number, cell in enumerate(notebook.cells, start=1):
        streams = [o.text for o in cell.get("outputs", []) if o.get("name") == "stderr"]
        assert streams == [], f"cell {number} writes to stderr"

"""The notebook lint, and tests of what stores notebooks."""

import io
import re
import statistics

import nbformat
import psutil
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from PIL import Image
from sample_notebooks import a_notebook, figure, pixels, png, read_out, setup, shown, title

from scripts import notebooks, setup_cell
from scripts.cells import NOTEBOOK_METADATA, cell_name, small_png
from scripts.setup_cell import Address

ROOT = setup_cell.ROOT
SOLUTIONS = ROOT / "notebooks" / "solutions"
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted(SOLUTIONS.glob("*.ipynb"))

NOWHERE = Address()
WORDS, LINES, CLASS_LINES = 3500, 16, 20
MEDIAN_LINES, SILENT_LINES = 7, 25  # of a notebook's cells; between two outputs
LARGE_CELLS = 25, 30  # LINES and CLASS_LINES of those that are still to be cut smaller
TO_BE_CUT = {"01", "02", "03", "04", "05", "07", "08"}
FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX|lorem)\b", re.IGNORECASE)
OWN_FOLDER = re.compile(r"[\"'(](/home/|/root/|/Users/|/work/|/tmp/|/content/|[A-Z]:\\)")


# The lint


def faults(notebook, folder, address, large=False):
    """What is wrong with a stored notebook, one sentence each; `large` allows LARGE_CELLS."""
    cells = notebook.cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    if notebook != notebooks.normal_form(notebook):
        yield "is not in normal form: store it with `make notebooks`"
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "was not executed top to bottom"
    yield from notebooks.problems(notebook)
    yield from _structure_faults(cells, code, prose, address)
    yield from _size_faults(code, prose, large)
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", prose):
        path = "".join(target).partition("#")[0]
        if path and not re.match(r"[a-z]+:", path) and not (folder / path).exists():
            yield f"links to {path}, which does not exist"
    for cell in cells:
        if match := FORBIDDEN.search(cell.source) or OWN_FOLDER.search(cell.source):
            yield f"holds {match[0]!r} in: {cell.source[:60]!r}"


def _structure_faults(cells, code, prose, address):
    without_code = re.sub(r"^```.*?^```", "", prose, flags=re.DOTALL | re.MULTILINE)
    if len(re.findall(r"^# ", without_code, re.MULTILINE)) != 1:
        yield "does not have exactly one title (# …)"
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        yield "does not begin with its title"
    elif not setup_cell.BADGE_PLACE.search(cells[0].source):
        yield "has no place for the Colab badge in its title cell"
    elif setup_cell.with_badges(cells[0].source, "", NOWHERE) == cells[0].source and (
        address.repository
    ):
        yield "lacks its Colab badge"
    if not code or not setup_cell.is_setup(code[0]):
        yield "does not have the set-up cell as its first code cell"
    elif code[0].source != setup_cell.source(address):
        yield "has a set-up cell that is not the one in scripts/setup_cell.py"
    if sum(setup_cell.is_setup(cell) for cell in code) > 1:
        yield "has more than one set-up cell"
    if not any(re.search(r"\bcheck\(", cell.source) for cell in code):
        yield "has no check(…)"


def _size_faults(code, prose, large):
    words = len(re.sub(r"<!--.*?-->|<[^>]+>|\]\([^)]*\)", " ", prose).split())
    if words > WORDS:
        yield f"has {words} words, more than {WORDS}"
    sizes, silent = [], 0
    for number, cell in enumerate(code, start=1):
        if setup_cell.is_setup(cell) or _excused(cell):
            continue
        is_class = re.search(r"^class ", cell.source, re.MULTILINE)
        limit = (LARGE_CELLS if large else (LINES, CLASS_LINES))[bool(is_class)]
        sizes.append(sum(bool(line.strip()) for line in cell.source.splitlines()))
        if sizes[-1] > limit:
            yield f"{cell_name(cell, number)} has {sizes[-1]} lines, more than {limit}"
        silent += sizes[-1]
        if silent > SILENT_LINES and not large:
            yield f"has {silent} lines before {cell_name(cell, number)} shows something"
        if cell.outputs or silent > SILENT_LINES:
            silent = 0
    if sizes and statistics.median(sizes) > MEDIAN_LINES and not large:
        yield f"has cells of {statistics.median(sizes):g} lines, more than {MEDIAN_LINES}"


def _excused(cell):
    """Whether a tag such as "excused: the program as it circulates" lets a cell be longer."""
    return any(tag.startswith("excused: ") for tag in cell.metadata.get("tags", []))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_notebook_keeps_the_rules(path):
    notebook = notebooks.read(path)
    nbformat.validate(notebook)
    large = path.name[:2] in TO_BE_CUT
    assert list(faults(notebook, path.parent, setup_cell.address(), large)) == []


def test_each_notebook_has_solutions_and_each_solutions_file_its_notebook():
    names = {path.name for path in PATHS if path.parent != SOLUTIONS}
    assert {path.name for path in PATHS if path.parent == SOLUTIONS} == names


def test_lint_accepts_a_plain_notebook(tmp_path):
    still = [figure(png(), alt="Stripes < 3"), read_out("Stripes &lt; 3")]
    moving = [figure(b"GIF89a", "image/gif", alt="Waves"), read_out("Waves")]
    notebook = a_notebook(
        new_code_cell("plot()", outputs=[*still, *moving]), shown("2012-10-29 01:00:00")
    )
    assert list(faults(notebook, tmp_path, NOWHERE)) == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ([shown("in /home/me/data")], "an absolute path"),
        ([shown("C:\\Users\\me")], "an absolute path"),
        ([shown("<History at 0x7f00deadbeef>")], "a memory address"),
        ([shown("at 13:05:59")], "a time of day"),
        ([shown("2026-10-29 13:05:59")], "a time of day"),
        ([shown("\x1b[1mbold\x1b[0m")], "an escape code"),
        ([shown("10 %\r20 %")], "a carriage return"),
        ([new_code_cell("f()", outputs=[figure(png())])], "without alternative text"),
        ([new_code_cell("f()", outputs=[figure(png(), "image/gif")])], "without alternative text"),
        ([new_code_cell("f()", outputs=[figure(png(), alt="A")])], "no reader gets"),
        ([new_code_cell("f()", outputs=[figure(png(), alt="A"), read_out("B")])], "no reader gets"),
        ([new_code_cell("f()", outputs=[new_output("stream", name="stderr")])], "writes to stderr"),
        ([new_code_cell("f()", outputs=[new_output("error", ename="KeyError")])], "KeyError"),
        (
            [new_code_cell("f()", outputs=[new_output("display_data", {"application/x": "1"})])],
            "application/x",
        ),
        ([new_markdown_cell("# Another title")], "exactly one title"),
        ([new_markdown_cell("[data](missing.md)")], "links to missing.md"),
        ([new_markdown_cell("![](missing.png#x)")], "links to missing.png"),
        ([new_markdown_cell("word " * 3501)], "more than 3500"),
        ([new_markdown_cell("A TODO.")], "'TODO'"),
        ([new_code_cell('open("/home/me/x")')], "/home/"),
        (
            [shown("1"), shown("1"), new_code_cell("\n".join(["x = 1"] * 17))],
            "17 lines, more than 16",
        ),
        (
            [shown("1"), shown("1"), new_code_cell("class A:\n" + "    x = 1\n" * 20)],
            "21 lines, more than 20",
        ),
        ([new_code_cell(f"x = {i}") for i in range(30)], "lines before code cell"),
        ([shown("1", source="x = 1\n" * 8) for _ in range(3)], "cells of 8 lines, more than 7"),
        ([setup()], "more than one set-up cell"),
    ],
)
def test_lint_finds(cells, fault, tmp_path):
    found = list(faults(a_notebook(*cells), tmp_path, NOWHERE))
    assert len(found) == 1 and fault in found[0]


def test_lint_finds_what_is_missing(tmp_path):
    notebook = a_notebook()
    notebook.cells[0].source = "Text."
    notebook.cells[1].source += "\n"
    notebook.cells[2].source = "1 + 1"
    notebook.cells[2].execution_count = 7
    found = " ".join(faults(notebook, tmp_path, NOWHERE))
    for fault in ("normal form", "top to bottom", "one title", "begin with", "that is not the one"):
        assert fault in found
    assert "has no check" in found
    assert "that is not the one" in " ".join(faults(a_notebook(), tmp_path, Address("a/b")))
    assert "lacks its Colab badge" in " ".join(faults(a_notebook(), tmp_path, Address("a/b")))
    del notebook.cells[1]
    assert "set-up cell as its first" in " ".join(faults(notebook, tmp_path, NOWHERE))
    notebook.cells[0].source = "# Title"
    assert "no place for the Colab badge" in " ".join(faults(notebook, tmp_path, NOWHERE))


# The normal form


def test_normal_form_cleans_and_repeats():
    outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b\n"),
        new_output("execute_result", {"text/plain": "\x1b[1m3\x1b[0m"}, execution_count=9),
        figure(png(), alt="Stripes", needs_background="light"),
        figure(b"GIF89a", "image/gif", alt="Waves", needs_background="light"),
    ]
    tags = {"tags": ["nbval-ignore-output"], "collapsed": True, "execution": {"start": "now"}}
    messy = new_notebook(
        cells=[
            title(),
            setup(),
            new_code_cell("f()\n", execution_count=9, metadata=tags, outputs=outputs),
            new_code_cell(" \n"),
            new_markdown_cell("Text.", metadata={"slideshow": {}}),
        ],
        metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}},
    )
    messy.nbformat_minor = 4
    messy.cells[1].metadata = {"tags": ["setup"], "colab": {}}
    messy.cells[2].id = messy.cells[0].id
    del messy.cells[4]["id"]
    before = str(messy)
    clean = notebooks.normal_form(messy)
    assert str(messy) == before
    assert notebooks.normal_form(clean) == clean
    assert notebooks.normal_form(messy) == clean
    nbformat.validate(clean)
    assert clean.metadata == NOTEBOOK_METADATA
    assert len(clean.cells) == 4
    assert clean.cells[0].id == messy.cells[0].id
    assert len({cell.id for cell in clean.cells}) == 4
    assert clean.cells[1].metadata == setup_cell.METADATA
    cell = clean.cells[2]
    assert cell.source == "f()"
    assert cell.metadata == {"tags": ["nbval-ignore-output"]}
    assert cell.execution_count == 2
    assert [output.output_type for output in cell.outputs] == [
        "stream",
        "execute_result",
        "display_data",
        "display_data",
    ]
    assert cell.outputs[0].text == "ab\n"
    assert cell.outputs[1].execution_count == 2
    assert cell.outputs[1].data == {"text/plain": "3"}
    assert cell.outputs[2].metadata == {"image/png": {"alt": "Stripes"}}
    assert cell.outputs[3].metadata == {"image/gif": {"alt": "Waves"}}
    assert clean.cells[3].metadata == {}
    text = notebooks.dumps(clean)
    assert text.endswith("}\n") and '\n "cells"' in text


def test_small_png_loses_metadata_and_nothing_visible():
    large = png(200, dpi=(144, 144))
    small = small_png(large)
    assert b"pHYs" in large and b"pHYs" not in small
    assert pixels(small) == pixels(large)
    assert small_png(small) == small


def test_small_png_keeps_animations():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:], dpi=(72, 72))
    assert small_png(file.getvalue()) == file.getvalue()


def test_small_png_keeps_pictures_that_a_palette_would_change():
    image = Image.new("RGB", (64, 64))
    image.putdata([(4 * x, 4 * y, 255 - 2 * (x + y)) for x in range(64) for y in range(64)])
    file = io.BytesIO()
    image.save(file, "PNG", dpi=(72, 72))
    assert pixels(small_png(file.getvalue())) == image.tobytes()


# Storing


def stored(course, *sources):
    path = course / "notebooks" / "01_first.ipynb"
    cells = [title(), setup(), *map(new_code_cell, sources)]
    path.write_text(notebooks.dumps(new_notebook(cells=cells)), encoding="utf-8")
    return path, notebooks.store(path, NOWHERE)


PLOT = """
import matplotlib.pyplot as plt
from utils import figures
figure, axes = plt.subplots()
axes.plot([1, 3, 2])
figures.show(figure, "A line")
"""


def test_storing_twice_gives_no_diff(course):
    path, line = stored(course, "print(1)\nprint(2)", "", PLOT)
    assert re.fullmatch(r"01_first.ipynb: \d+ s, 0\.\d\d GB, stored", line)
    first = path.read_bytes()
    assert b'"execution_count": 3' in first
    assert notebooks.store(path, NOWHERE).endswith("unchanged")
    assert path.read_bytes() == first
    running = [" ".join(process.cmdline()) for process in psutil.Process().children()]
    assert not any("ipykernel" in line for line in running)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\nx / 0", r"code cell 2 \(x = 1\) fails: ZeroDivisionError: division by zero"),
        ("import sys\nsys.stderr.write('oh')", r"code cell 2 \(import sys\) writes to stderr: oh"),
        ("import os\nos.getcwd()", "shows an absolute path"),
        ("object()", "shows a memory address"),
        ("import os\nos._exit(1)", "the kernel died"),
    ],
)
def test_a_notebook_that_fails_is_not_stored(course, source, message):
    with pytest.raises(notebooks.NotebookError, match=message):
        stored(course, source)
    assert notebooks.read(course / "notebooks" / "01_first.ipynb").cells[2].source == source
    assert '"execution_count": null' in (course / "notebooks" / "01_first.ipynb").read_text()


def test_make_notebooks_reports_failure(course, monkeypatch, capsys):
    path = course / "notebooks" / "01_first.ipynb"
    monkeypatch.setattr(notebooks, "ROOT", course)
    monkeypatch.setattr(notebooks, "notebook_paths", lambda prefix: [path])
    path.write_text(notebooks.dumps(a_notebook()), encoding="utf-8")
    before = path.read_bytes()
    assert notebooks.main(["01"]) == 1
    message = capsys.readouterr().err
    assert "notebooks/01_first.ipynb not stored" in message and "NameError" in message
    assert path.read_bytes() == before


def test_check_runs_nothing_and_names_what_is_not_as_stored(course, monkeypatch, capsys):
    path = course / "notebooks" / "01_first.ipynb"
    monkeypatch.setattr(notebooks, "ROOT", course)
    monkeypatch.setattr(notebooks, "notebook_paths", lambda prefix: [path])
    monkeypatch.setattr(notebooks, "execute", None)
    assert notebooks.main(["--check"]) == 0
    messy = path.read_text().replace('"execution_count": 2', '"execution_count": 7')
    path.write_text(messy, encoding="utf-8")
    assert notebooks.main(["--check", "01"]) == 1
    assert "normal form: run `make notebooks NB=01`" in capsys.readouterr().err
    assert path.read_text() == messy


def test_mistyped_prefix_lists_the_names(course):
    assert len(notebooks.notebook_paths("01", course)) == 2
    with pytest.raises(notebooks.NotebookError, match='"7"; there are: 01_first.$'):
        notebooks.notebook_paths("7", course)

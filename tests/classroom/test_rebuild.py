"""Submissions, damaged or arranged in a way of their own, in the assignment's notebook again."""

import copy
import json

import pytest

pytest.importorskip("nbgrader")
import toy
from nbformat.v4 import new_code_cell, new_markdown_cell

from classroom import assignment, reading
from classroom.assignment import ANSWER, TEST, name_of, role
from classroom.matching import defined, match
from classroom.rebuild import rebuild
from conftest import run_quickly

DOUBLE_STUB = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.fixture
def rebuilt(template):
    """Rebuild a notebook, given as a function of one with the right answers."""
    graded, version = template

    def make(change):
        notebook = change(toy.answered(version, **toy.RIGHT))
        return rebuild(graded, reading.read(json.dumps(notebook).encode()))

    return make


@pytest.fixture
def points(template, rebuilt):
    """The points that a notebook earns, run in order."""

    def earn(change):
        found = rebuilt(change)
        code = assignment.code_cells(found.cells, found.kinds)
        results = run_quickly({"cells": code})["cells"]
        return assignment.points(found.cells, results)

    return earn


def answers(found):
    return {name_of(c): c["source"] for c in found.cells if role(c) == ANSWER}


def said(found):
    return " ".join(finding.text for finding in found.findings)


def moved(notebook, grade_id, place):
    """The notebook with one cell at another place, its first or its last."""
    notebook = copy.deepcopy(notebook)
    cell = toy.cell_of(notebook, grade_id)
    notebook["cells"].remove(cell)
    notebook["cells"].insert(place, cell)
    return notebook


def emptied(notebook, *names):
    return toy.answered(notebook, **dict.fromkeys(names, ""))


def stubs(notebook, *names):
    """The notebook with answers that were not written."""
    texts = {"double": DOUBLE_STUB, "explain": "*YOUR ANSWER HERE*"}
    texts["means"] = DOUBLE_STUB.replace("double(x)", "row_means(m)")
    texts["mended"] = DOUBLE_STUB.replace("double(x)", "mended(values)")
    return toy.answered(notebook, **{name: texts[name] for name in names})


def on_top(notebook, text, kind=new_code_cell, place=0):
    notebook = copy.deepcopy(notebook)
    notebook["cells"].insert(place, {**kind(text), "metadata": {}})
    return notebook


EVERYTHING = f"{toy.DOUBLE}\n\n\n{toy.MEANS}\n\n\n{toy.MENDED}"


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n,
        toy.stripped,
        toy.by_colab,
        toy.duplicated,
        toy.tampered,
        lambda n: toy.without(n, "test_means"),
        lambda n: toy.stripped(toy.without(n, "test_means")),
        lambda n: toy.stripped(toy.with_cell(n, "means", "x = 1")),
        lambda n: n | {"cells": n["cells"][6:] + n["cells"][:6]},
        lambda n: toy.stripped(n) | {"nbformat": 4, "nbformat_minor": 0},
        lambda n: json.loads(json.dumps(n).replace("twice a number", "Twice  a  number")),
    ],
)
def test_answers_are_found_whatever_happened(rebuilt, change):
    found = rebuilt(change)
    assert answers(found) == toy.RIGHT
    tests = [c["source"] for c in found.cells if role(c) == TEST]
    assert len(tests) == 3 and all("HIDDEN TESTS" in text for text in tests)


def test_an_answer_that_resembles_nothing_is_found_by_its_place(rebuilt):
    odd = toy.RIGHT | {"mended": "mended = max"}
    assert answers(rebuilt(lambda n: toy.stripped(toy.answered(n, **odd)))) == odd


ARRANGED = {
    "as it was": lambda n: n,
    "written into the next answer, its own stub deleted": lambda n: toy.without(
        toy.answered(n, means=f"{toy.DOUBLE}\n\n{toy.MEANS}"), "double"
    ),
    "written into the answer before, its own stub deleted": lambda n: toy.without(
        toy.answered(n, double=f"{toy.DOUBLE}\n\n{toy.MEANS}"), "means"
    ),
    "written into the next answer, its own stub left": lambda n: stubs(
        toy.answered(n, means=f"{toy.DOUBLE}\n\n{toy.MEANS}"), "double"
    ),
    "written into the next answer, its own cell emptied": lambda n: emptied(
        toy.answered(n, means=f"{toy.DOUBLE}\n\n{toy.MEANS}"), "double"
    ),
    "in a cell of its own, the stub left below": lambda n: stubs(
        toy.with_cell(n, "double", toy.DOUBLE, before=True), "double"
    ),
    "in a cell of its own, the stub left above": lambda n: stubs(
        toy.with_cell(n, "double", toy.DOUBLE), "double"
    ),
    "in a cell of its own, the stub deleted": lambda n: toy.without(
        toy.with_cell(n, "double", toy.DOUBLE), "double"
    ),
    "in a cell of its own at the end, the stub left": lambda n: stubs(
        n | {"cells": [*n["cells"], {**new_code_cell(toy.DOUBLE), "metadata": {}}]}, "double"
    ),
    "all in one cell on top, stubs deleted": lambda n: on_top(
        toy.without(toy.without(toy.without(n, "double"), "means"), "mended"), EVERYTHING
    ),
    "all in one cell on top, stubs left": lambda n: on_top(
        stubs(n, "double", "means", "mended"), EVERYTHING
    ),
    "all in the last answer": lambda n: stubs(
        toy.answered(n, mended=EVERYTHING), "double", "means"
    ),
    "all in the last answer, without marks": lambda n: toy.stripped(
        toy.without(toy.without(toy.answered(n, mended=EVERYTHING), "double"), "means")
    ),
    "the answers in another order": lambda n: moved(moved(n, "mended", 2), "double", 9),
    "the set-up at the end": lambda n: n | {"cells": [*n["cells"][2:], *n["cells"][:2]]},
    "a helper in the set-up": lambda n: toy.answered(
        n | {"cells": [n["cells"][0], {**n["cells"][1],
             "source": n["cells"][1]["source"] + "\nimport math\nTWO = 2"}, *n["cells"][2:]]},
        double="def double(x):\n    return math.floor(TWO) * x"),
    "a copy of an older answer below": lambda n: n | {"cells": [
        *n["cells"], toy.cell_of(stubs(n, "double"), "double")]},
    "a magic in front": lambda n: toy.answered(
        stubs(toy.with_cell(n, "double", toy.DOUBLE), "double")),
}  # fmt: skip


@pytest.mark.parametrize("how", ARRANGED)
def test_honest_work_earns_all_its_points_however_it_is_arranged(points, how):
    assert points(ARRANGED[how]) == 10


@pytest.mark.parametrize("names", [["double"], ["double", "means", "mended"]])
def test_what_was_not_written_earns_nothing(points, names):
    lost = {"double": 3, "means": 3, "mended": 4}
    assert points(lambda n: stubs(n, *names)) == 10 - sum(lost[name] for name in names)
    without = points(lambda n: toy.without(n, "double"))
    assert without == 7


def test_the_changed_set_up_runs_after_the_original(rebuilt):
    def change(notebook):
        return json.loads(json.dumps(notebook).replace("import numpy as np", "import json", 1))

    found = rebuilt(change)
    setup = [(c["source"], k) for c, k in zip(found.cells, found.kinds, strict=True)]
    setup = [(s, kind) for s, kind in setup if "Set-up: run this cell" in s]
    assert ["import numpy" in source for source, _ in setup] == [True, False]
    assert [kind for _, kind in setup] == ["teacher", "student"]
    assert "setup was changed" in said(found)


WORDS = "Since each row has a mean."


@pytest.mark.parametrize(
    "change",
    [
        lambda n: toy.with_cell(stubs(n, "explain"), "explain", WORDS),
        lambda n: on_top(stubs(n, "explain"), WORDS, new_markdown_cell, place=-1),
        lambda n: n | {"cells": [*stubs(n, "explain")["cells"], new_markdown_cell(WORDS)]},
        lambda n: n | {"cells": [*emptied(n, "explain")["cells"], new_markdown_cell(WORDS)]},
        lambda n: n | {"cells": [*toy.without(n, "explain")["cells"], new_markdown_cell(WORDS)]},
        lambda n: toy.stripped(
            n | {"cells": [*stubs(n, "explain")["cells"], new_markdown_cell(WORDS)]}),
        lambda n: toy.answered(
            stubs(n, "explain"), question=f"{toy.cell_of(n, 'question')['source']}\n\n{WORDS}"),
        lambda n: toy.answered(stubs(n, "explain"), question=WORDS),
        lambda n: {**(m := toy.answered(n, explain=WORDS)), "cells": [
            c | ({"cell_type": "code"} if c["source"] == WORDS else {}) for c in m["cells"]]},
    ],
)  # fmt: skip
def test_words_reach_the_marker_wherever_they_stand(rebuilt, change):
    found = rebuilt(change)
    assert answers(found)["explain"] == WORDS
    assert answers(found) == toy.RIGHT | {"explain": WORDS}


def test_no_words_are_no_answer(rebuilt):
    found = rebuilt(lambda n: stubs(n, "explain"))
    assert answers(found)["explain"] == "*YOUR ANSWER HERE*" and not found.findings


def test_own_cells_stay_where_they_were(rebuilt):
    found = rebuilt(lambda n: on_top(toy.with_cell(n, "means", "y = 1"), "x = 1"))
    sources = [cell["source"] for cell in found.cells]
    assert sources[0] == "x = 1" and sources[sources.index(toy.MEANS) + 1] == "y = 1"


@pytest.mark.parametrize(
    "junk", [None, 3, {}, {"cell_type": "code"}, {"cell_type": "x", "source": 1}]
)
def test_cells_that_are_none_do_no_harm(rebuilt, junk):
    assert answers(rebuilt(lambda n: n | {"cells": [junk, *n["cells"]]})) == toy.RIGHT


def test_another_assignment_is_not_recognised(template):
    cells = reading.read(json.dumps({"cells": [new_code_cell("x = 1")] * 3}).encode())
    assert not match(template[0], cells).found
    assert "is this the right assignment?" in said(rebuild(template[0], cells))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    y = 1", ["f"]),
        ("%%time\n!pip install x\nasync def f(x): pass\nclass A: pass", ["f", "A"]),
        ("f = g == 1\nx: int = 3\nif f == 2: pass\nprint(a=1)", ["f", "x"]),
        ("def (", []),
    ],
)
def test_names_that_a_students_cell_defines(source, names):
    assert defined(source) == names

"""The student versions: what they give away, what is said of a source that is not in order."""

import nbformat
import pytest

pytest.importorskip("nbgrader")
import toy

from classroom import release
from classroom.__main__ import main
from classroom.coursedir import CourseDirectory
from conftest import LIMITS


def test_release_gives_nothing_away_and_scores_nothing(course, capsys):
    command = ["release", "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source)]) == 0
    said = capsys.readouterr().out
    assert said == "release/01_toy/01_toy.ipynb: runs to its end, scores 0 of 10\n"
    text = (course.dir.folder / "release" / toy.NAME / f"{toy.NAME}.ipynb").read_text()
    for hidden in (toy.SECRET, "HIDDEN", "SOLUTION", "rubric", "other numbers"):
        assert hidden not in text
    assert "Set-up: run this cell first" in text and "YOUR CODE HERE" in text
    assert release.try_out(course.dir, toy.NAME, LIMITS, solved=True) == (10, 10, [])


def test_the_badge_leads_to_where_students_find_the_notebook(course):
    command = ["release", "--class", str(course.dir.folder), "--repository", "me/for-students"]
    assert main([*command, "--source", str(course.dir.source)]) == 0
    link = (
        f"colab.research.google.com/github/me/for-students/blob/main/release/{toy.NAME}/{toy.NAME}"
    )
    path = course.dir.folder / "release" / toy.NAME / f"{toy.NAME}.ipynb"
    assert link in path.read_text()
    release.generate(CourseDirectory(course.dir.folder, course.dir.source), toy.NAME)
    assert link in path.read_text()


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (nbformat.v4.new_code_cell("1 / 0"), "ZeroDivisionError"),
        (nbformat.v4.new_code_cell("def ("), "SyntaxError"),
        (
            nbformat.v4.new_code_cell("assert True", metadata=toy.marks("free", 2, locked=True)),
            "untouched it scores 2, not 0",
        ),
    ],
)
def test_release_says_what_is_wrong(course, capsys, cell, fault):
    toy.write_source(course.folder, [cell])
    command = ["release", "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source)]) == 1
    assert fault in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"cells": [', '"cells": [,', "The source of 01_toy is not a notebook"),
        ('"means"', '"double"', "In 01_toy two cells have the same grade_id: double."),
        ("### END SOLUTION", "", "nbgrader could not make 01_toy: no end solution statement"),
    ],
)
def test_a_source_that_is_damaged_is_one_sentence(course, capsys, before, after, sentence):
    path = course.dir.source / toy.NAME / f"{toy.NAME}.ipynb"
    path.write_text(path.read_text().replace(before, after, 1))
    command = ["release", "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(sentence)

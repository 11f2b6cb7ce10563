"""Grading: 40 submissions at once, good ones, damaged ones and cheats; crashes; hand marks."""

import csv
import json
import socket
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader")
import toy
from nbgrader.api import Gradebook

from classroom import execute, grade, release, sandbox

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {"cell_seconds": 6, "seconds": 60, "memory_gb": 0.7, "output_kb": 50}
ISOLATED = sandbox.probe().level != sandbox.LIMITS


class Course:
    """The toy assignment, a class, and a folder of submissions, all in one temporary folder."""

    def __init__(self, folder):
        self.folder = folder
        self.room = release.Class(folder / "class", toy.write_source(folder))
        self.submissions = folder / "submissions"
        self.submissions.mkdir()
        self.said = []

    def release(self):
        return nbformat.read(release.make(self.room, toy.NAME), as_version=4)

    def hand_in(self, student, notebook):
        path = self.submissions / f"{student}_{toy.NAME}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")

    def grade(self, **options):
        self.said = []
        limits = execute.Limits(**LIMITS)
        told = grade.Options(str(self.submissions), limits=limits, **options)
        return grade.grade(self.room, told, self.said.append)

    def command(self):
        """`make grade` as a process."""
        argv = [sys.executable, "-m", "classroom", "grade", self.submissions]
        argv += ["--class", self.room.folder, "--source", self.room.source]
        argv += [f"--{k.replace('_', '-')}={v}" for k, v in LIMITS.items()]
        return [str(a) for a in argv]

    def scores(self):
        text = (self.room.folder / "scores.csv").read_text(encoding="utf-8")
        return {row["student"]: row for row in csv.DictReader(text.splitlines())}

    def report(self):
        return (self.room.folder / "report.md").read_text(encoding="utf-8")

    def feedback(self, student):
        path = self.room.folder / "feedback" / student / toy.NAME / f"{toy.NAME}.html"
        return path.read_text(encoding="utf-8")

    def grade_row(self, gradebook, student, cell):
        return gradebook.find_grade(cell, toy.NAME, toy.NAME, student)

    def rows(self):
        """(student, cell, points) of everything in the gradebook, in order."""
        with Gradebook(self.room.database) as gradebook:
            return sorted(
                (s.student.id, g.name, g.auto_score)
                for s in gradebook.assignment_submissions(toy.NAME)
                for n in s.notebooks
                for g in n.grades
            )


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


# The batch


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The batch of 40, graded: the course and what is expected."""
    course = Course(tmp_path_factory.mktemp("batch"))
    version = course.release()
    server = socket.create_server(("127.0.0.1", 0))
    batch = toy.batch(version, course.folder, server.getsockname()[1])
    for path, (content, *_) in batch.items():
        target = course.submissions / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    course.summary = course.grade()
    server.close()
    return course, {student: (score, words) for _, student, score, words in batch.values()}


def test_the_batch_has_40_submissions_and_each_is_in_the_scores(graded):
    course, expected = graded
    assert len(expected) == 40
    assert set(course.scores()) == set(expected)
    assert not course.summary.not_graded()


def test_each_submission_gets_its_due(graded):
    course, expected = graded
    scores = {student: float(row["machine"]) for student, row in course.scores().items()}
    wrong = {s: (scores[s], due) for s, (due, _) in expected.items() if scores[s] != due}
    assert not wrong


def test_each_odd_one_has_a_line_in_the_report(graded):
    course, expected = graded
    lines = course.report().splitlines()
    for student, (_, words) in expected.items():
        own = [line for line in lines if line.startswith(f"- **{student}**")]
        assert not words or any(words in line for line in own), (student, own)
    silent = [s for s, (due, words) in expected.items() if due == 10 and not words]
    accused = [line for s in silent for line in lines if f"**{s}**" in line]
    assert not accused


@pytest.mark.skipif(not ISOLATED, reason="needs Linux namespaces")
def test_nobody_read_or_reached_what_they_must_not(graded):
    course, _ = graded
    printed = {}
    for path in (course.room.folder / "autograded").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        printed[path.parts[-3]] = "".join(output.get("text", "") for output in outputs)
    assert not [student for student, text in printed.items() if "LEAKED" in text]
    for student in ("solutions", "neighbour"):
        assert "looked everywhere" in printed[student]
    assert "unreachable" in printed["network"] and "No such file" in printed["gradebook"]
    assert sandbox.probe().sentence() in course.report()


def test_feedback_has_marks_and_no_hidden_tests(graded):
    course, expected = graded
    for student in expected:
        html = course.feedback(student)
        assert "BEGIN HIDDEN" not in html and "other rows" not in html and "rubric" not in html
    assert "the rows have means 2 and 5" in course.feedback("half")
    assert toy.SECRET not in course.feedback("good1")


def test_a_second_run_runs_nothing_and_changes_nothing(graded):
    course, _ = graded
    before, rows = course.scores(), course.rows()
    start = time.monotonic()
    course.grade()
    assert course.said[0] == "40 of 40 were graded before and have not changed."
    assert course.scores() == before and course.rows() == rows
    assert time.monotonic() - start < 30

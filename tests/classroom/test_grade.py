"""Grading: a batch of submissions, good ones, damaged ones and hostile ones; crashes; marks."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import nbformat
import pytest

pytest.importorskip("nbgrader")
import toy

from classroom import coursedir, execute, grade, gradebook, sandbox
from classroom.__main__ import main
from classroom.coursedir import ClassroomError
from conftest import Course, needs_isolation
from utils import ROOT

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
    assert "the same file, byte for byte: Ada Lovelace, Grace Brewster Hopper" in course.report()
    silent = [s for s, (due, words) in expected.items() if due == 10 and not words]
    accused = [line for s in silent for line in lines if f"**{s}**" in line]
    assert not accused


@needs_isolation
def test_nobody_read_or_reached_what_they_must_not(graded):
    course, _ = graded
    printed = {}
    for path in (course.dir.folder / "autograded").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        printed[path.parts[-3]] = "".join(output.get("text", "") for output in outputs)
    assert not [student for student, text in printed.items() if "LEAKED" in text]
    for student in ("solutions", "neighbour"):
        assert "looked everywhere" in printed[student]
    assert "unreachable" in printed["network"] and "No such file" in printed["gradebook"]
    assert sandbox.sentence(True) in course.report()


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


# Runs that are broken off, and runs that come again


def wait_for(done, seconds=90):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def a_class(course, students=6):
    """Hand in `students` good submissions, all different; returns the student version."""
    version = course.release()
    for number in range(students):
        explained = toy.RIGHT | {"explain": f"Reason {number}"}
        course.hand_in(f"s{number}", toy.answered(version, **explained))
    return version


def everything_right(course, students):
    rows = course.rows()
    assert len(rows) == len(set(rows)) == 4 * students
    assert {s: row["machine"] for s, row in course.scores().items()} == {
        f"s{number}": "10" for number in range(students)
    }


def test_killed_half_way_and_started_again(course):
    """kill -9 with some graded and some under way: no score is lost, none there twice."""
    a_class(course)
    runs = course.dir.folder / "runs" / toy.NAME
    process = subprocess.Popen(course.command(), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(runs.glob("*.json"))) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    kept = len(list(runs.glob("*.json")))
    assert 2 <= kept < 6
    again = subprocess.run(course.command(), cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"{kept} of 6 were graded before" in again.stdout
    everything_right(course, 6)


def test_broken_off_between_running_and_merging(course, monkeypatch, no_kernels):
    """A run that was stored and not merged is merged without being run again."""
    a_class(course, 2)
    write, broken_off = gradebook.write, []

    def fails_once(path, text):
        if "autograded" in str(path) and not broken_off:
            broken_off.append(path)
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(gradebook, "write", fails_once)
    with pytest.raises(KeyboardInterrupt):
        course.grade()
    course.grade()
    assert course.said[0].startswith("1 of 2 were graded before") or "2 of 2" in course.said[0]
    everything_right(course, 2)


def test_only_what_is_new_or_changed_is_run(course, no_kernels):
    version = a_class(course, 2)
    course.grade()
    course.hand_in("s1", toy.answered(version, **toy.RIGHT | {"double": toy.WRONG["double"]}))
    course.hand_in("s2", toy.answered(version, **toy.RIGHT))
    course.grade()
    assert course.said[0].startswith("1 of 3 were graded before")
    machine = {student: row["machine"] for student, row in course.scores().items()}
    assert machine == {"s0": "10", "s1": "7", "s2": "10"}


def mark_by_hand(course, student, points, comment="well put"):
    """What the formgrader writes."""
    with course.dir.gradebook() as book:
        mark = book.find_grade("explain", toy.NAME, toy.NAME, student)
        mark.manual_score, mark.needs_manual_grade = points, False
        book.find_comment("explain", toy.NAME, toy.NAME, student).manual_comment = comment
        book.db.commit()


def test_hand_marks_survive(course, no_kernels):
    version = a_class(course, 2)
    course.grade()
    assert course.scores()["s0"]["to_mark_by_hand"] == "1"
    mark_by_hand(course, "s0", 3)
    mark_by_hand(course, "s1", 2)
    course.grade()
    row = course.scores()["s0"]
    assert (row["score"], row["by_hand"], row["to_mark_by_hand"]) == ("13", "3", "0")
    assert "well put" in course.feedback("s0")
    # s0 mends its code, s1 writes another explanation: only that is to be looked at again
    explain = {"explain": "Reason 0"}
    code = toy.RIGHT | explain | {"double": "def double(x):\n    return x + x"}
    course.hand_in("s0", toy.answered(version, **code))
    course.hand_in("s1", toy.answered(version, **toy.RIGHT | {"explain": "Another reason"}))
    course.grade()
    rows = course.scores()
    assert (rows["s0"]["score"], rows["s0"]["to_mark_by_hand"]) == ("13", "0")
    assert (rows["s1"]["score"], rows["s1"]["to_mark_by_hand"]) == ("12", "1")


def test_a_new_version_of_the_assignment_keeps_hand_marks(course, no_kernels):
    """A task more, in an assignment with submissions: nbgrader alone refuses it."""
    a_class(course, 1)
    course.grade()
    mark_by_hand(course, "s0", 3)
    more = nbformat.v4.new_code_cell(
        "assert double(1) == 2, 'once more'", metadata=toy.marks("test_more", 5, locked=True)
    )
    toy.write_source(course.folder, [more])
    course.grade()
    assert "were graded before" not in course.said[0]
    row = course.scores()["s0"]
    assert (row["machine"], row["score"], row["max_score"]) == ("15", "18", "19")
    toy.write_source(course.folder)
    course.grade()
    row = course.scores()["s0"]
    assert (row["machine"], row["score"], row["max_score"]) == ("10", "13", "14")


def test_two_runs_at_once_are_refused(course, no_kernels):
    a_class(course, 1)
    with grade._alone(course.dir):
        with pytest.raises(ClassroomError, match="Another run"):
            course.grade()


# When the grading itself fails


def test_what_could_not_be_graded_is_said_and_tried_again(course, monkeypatch, no_kernels):
    a_class(course, 2)
    course.grade()
    version = course.release()
    course.hand_in("s1", toy.answered(version, **toy.RIGHT | {"double": toy.WRONG["double"]}))
    run, broken = execute.run, "the kernel did not start"

    def fails(task):
        return run(task) | {"problem": broken}

    monkeypatch.setattr(execute, "run", fails)
    summary = course.grade()
    assert [job.submission.student for job in summary.not_graded()] == ["s1"]
    assert course.scores()["s1"]["machine"] == "10"  # what it had before
    assert f"**s1**, 01_toy: {broken}" in course.report()
    monkeypatch.setattr(execute, "run", run)
    assert not course.grade().not_graded()
    assert course.scores()["s1"]["machine"] == "7"


def test_marks_that_cannot_be_written_do_not_stop_the_others(course, monkeypatch, no_kernels):
    a_class(course, 2)
    write = gradebook.merge

    def fails(course, submission, *more):
        if submission.student == "s0":
            raise ValueError("no room")
        write(course, submission, *more)

    monkeypatch.setattr(gradebook, "merge", fails)
    course.grade()
    assert course.machine()["s1"] == "10"
    assert "its marks could not be written (ValueError: no room)" in course.report()
    monkeypatch.setattr(gradebook, "merge", write)
    course.grade()
    everything_right(course, 2)


def test_a_gradebook_in_use_is_one_sentence(course, monkeypatch, no_kernels, capsys):
    """The marks by hand are in it: nobody is to be told to move it away."""
    a_class(course, 2)
    course.grade()
    monkeypatch.setattr(coursedir, "BUSY_SECONDS", 0.3)
    other = sqlite3.connect(course.dir.folder / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    shutil.copy(course.submissions / f"s0_{toy.NAME}.ipynb", course.submissions / "s2_01_toy.ipynb")
    assert main(course.command()[3:]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("is in use by another program: close it and run this again.")
    other.rollback()
    assert main(course.command()[3:]) == 0
    assert course.machine() == dict.fromkeys(("s0", "s1", "s2"), "10")

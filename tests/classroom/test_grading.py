"""Grading: 40 submissions at once, good ones, damaged ones and cheats; crashes; hand marks."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader")
import toy
from nbgrader.api import Gradebook

from classroom import collect, execute, grade, mend, merge, release, sandbox
from classroom.__main__ import main

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
    assert "the same file, byte for byte: Ada Lovelace, Grace Brewster Hopper" in course.report()
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
    runs = course.room.folder / "runs" / toy.NAME
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


def test_broken_off_between_running_and_merging(course, monkeypatch):
    """A run that was stored and not merged is merged without being run again."""
    a_class(course, 2)
    merged, settle = [], merge.release.write

    def fails_once(path, text):
        if "autograded" in str(path) and not merged:
            merged.append(path)
            raise KeyboardInterrupt
        settle(path, text)

    monkeypatch.setattr(merge.release, "write", fails_once)
    with pytest.raises(KeyboardInterrupt):
        course.grade()
    course.grade()
    assert course.said[0].startswith("1 of 2 were graded before") or "2 of 2" in course.said[0]
    everything_right(course, 2)


def test_only_what_is_new_or_changed_is_run(course):
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
    with Gradebook(course.room.database) as gradebook:
        grade_ = course.grade_row(gradebook, student, "explain")
        grade_.manual_score, grade_.needs_manual_grade = points, False
        remark = gradebook.find_comment("explain", toy.NAME, toy.NAME, student)
        remark.manual_comment = comment
        gradebook.db.commit()


def test_hand_marks_survive(course):
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


def test_a_new_version_of_the_assignment_keeps_hand_marks(course):
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


def test_two_runs_at_once_are_refused(course):
    a_class(course, 1)
    with grade._alone(course.room):
        with pytest.raises(release.ClassroomError, match="Another run"):
            course.grade()


# Dask


@pytest.fixture
def cluster(tmp_path, request):
    """A scheduler and three workers, as processes; yields its address and the workers.

    As `make scheduler` and `make worker` start them, or as someone who does not know of these.
    """
    knows = getattr(request, "param", True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    quiet["env"] = os.environ | {"PYTHONPATH": "." if knows else ""}
    dask = str(Path(sys.executable).with_name("dask"))
    scheduler = [dask, "scheduler", "--host", "127.0.0.1", "--no-dashboard", "--port", str(port)]
    worker = [dask, "worker", address, "--nthreads", "1", "--no-nanny"]
    worker += ["--no-dashboard", "--local-directory", str(tmp_path)]
    processes = [subprocess.Popen(scheduler, **quiet)]
    processes += [subprocess.Popen(worker, **quiet) for _ in range(3)]
    yield address, processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def test_a_dask_cluster_that_loses_a_worker(course, cluster):
    from distributed import Client

    address, workers = cluster
    a_class(course, 8)
    with Client(address, timeout=60) as client:
        client.wait_for_workers(3, timeout=60)

    def tell(line):
        course.said.append(line)
        if line.startswith("[2/8]"):
            os.kill(workers[0].pid, signal.SIGKILL)

    options = grade.Options(str(course.submissions), dask=address, limits=execute.Limits(**LIMITS))
    grade.grade(course.room, options, tell)
    assert any("3 workers" in line for line in course.said)
    assert workers[0].poll() is not None
    everything_right(course, 8)


@pytest.mark.parametrize("cluster", [False], indirect=True)
def test_workers_that_do_not_know_the_course_are_one_sentence(course, cluster):
    from distributed import Client

    a_class(course, 1)
    with Client(cluster[0], timeout=60) as client:
        client.wait_for_workers(3, timeout=60)
    with pytest.raises(release.ClassroomError, match="does not know the course"):
        course.grade(dask=cluster[0])


def test_no_scheduler_is_one_sentence(course):
    a_class(course, 1)
    with pytest.raises(
        release.ClassroomError, match="No Dask scheduler answers at tcp://127.0.0.1:9"
    ):
        course.grade(dask="tcp://127.0.0.1:9")


# The folder, the roster, what a teacher can mistype


def test_roster_missing_late_and_strangers(course):
    version = course.release()
    roster = course.folder / "roster.csv"
    roster.write_text(
        "id;first_name;last_name;email;due\n"
        "al1;Ada;Lovelace;ada@example.org;\nck2;Çağrı;Kaya;;2030-01-01\ngh3;Grace;Hopper;;\n",
        encoding="utf-8-sig",
    )
    for name in ("Ada Lovelace", "ck2", "stranger"):
        course.hand_in(name, toy.answered(version, **toy.RIGHT))
    course.grade(roster=str(roster), due="2020-01-01 12:00")
    rows, text = course.scores(), course.report()
    assert rows["al1"]["last_name"] == "Lovelace" and rows["al1"]["late"].endswith("days")
    assert rows["ck2"]["late"] == ""
    assert rows["gh3"]["see_report"] == "missing" and rows["gh3"]["score"] == ""
    assert "- gh3, 01_toy" in text and "**stranger**, 01_toy: is not on the roster" in text


@pytest.mark.parametrize(
    ("path", "student"),
    [
        (f"Ada Lovelace_{toy.NAME}.ipynb", "Ada Lovelace"),
        (f"lovelaceada_123_4567_{toy.NAME}-1.ipynb", "lovelaceada"),
        (f"lovelaceada_LATE_123_4567_{toy.NAME}.ipynb", "lovelaceada"),
        (f"Ada Lovelace_77_assignsubmission_file_/{toy.NAME}.ipynb", "Ada Lovelace"),
        (f"ada/Copy of {toy.NAME}.ipynb", "ada"),
        (f"ada/{toy.NAME}/{toy.NAME}.ipynb", "ada"),
        (f"{toy.NAME}/ada.ipynb", "ada"),
        ("ada/my homework.ipynb", "ada"),
    ],
)
def test_whose_and_which(course, path, student):
    version = course.release()
    target = course.submissions / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(version), encoding="utf-8")
    guess = grade._Forms(course.room).guess
    (found,), remarks = collect.find(course.submissions, [toy.NAME], guess)
    assert (found.student, found.assignment, remarks) == (student, toy.NAME, [])


@pytest.mark.parametrize(
    "paths",
    [
        ("CS 101/ada_12_assignsubmission_file_/x.ipynb", "CS 101/grace/x.ipynb"),
        (f"CS 101/ada_{toy.NAME}.ipynb", f"CS 101/grace_1_2_{toy.NAME}.ipynb"),
        (f"all of it/ada/{toy.NAME}/x.ipynb", f"all of it/grace/{toy.NAME}/x.ipynb"),
        ("group 1/ada/x.ipynb", "group 2/grace/x.ipynb"),
    ],
)
def test_an_archive_that_unpacks_into_a_folder_of_its_own(course, paths):
    """Groups in folders of their own take a roster to be told from students."""
    for path in paths:
        target = course.submissions / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("{}")
    roster = {name: collect.Student(name) for name in ("ada", "grace")}
    for given in [roster] if "group" in paths[0] else [None, roster]:
        found, _ = collect.find(course.submissions, [toy.NAME], lambda p: toy.NAME, roster=given)
        assert [submission.student for submission in found] == ["ada", "grace"]


def test_files_that_are_no_submissions_are_named(course):
    version = course.release()
    course.hand_in("ada", version)
    second = course.submissions / f"ada_{toy.NAME} (1).ipynb"
    second.write_text(json.dumps(toy.answered(version, **toy.RIGHT)))
    os.utime(second, (time.time() + 60, time.time() + 60))
    (course.submissions / f"Copy of {toy.NAME}.ipynb").write_text(json.dumps(version))
    (course.submissions / "bob_essay.docx").write_text("text")
    (course.submissions / "carl_other.ipynb").write_text('{"cells": []}')
    solution = course.room.source / toy.NAME / f"{toy.NAME}.ipynb"
    (course.submissions / f"dora_{toy.NAME}.ipynb").symlink_to(solution)
    course.grade()
    text = course.report()
    assert course.scores()["ada"]["machine"] == "10"
    assert "handed in more than once" in text and "whose is it?" in text
    assert "bob_essay.docx is not a notebook" in text
    assert "byte for byte" not in text and "dora" not in course.scores()
    assert f"dora_{toy.NAME}.ipynb is a link to another place" in text
    assert "carl_other.ipynb: which assignment is it?" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--assignment", "09"], 'There is no assignment "09"; there are: 01_toy.'),
        (["--roster", "nowhere.csv"], "There is no roster nowhere.csv."),
        (["--due", "tomorrow"], '"tomorrow" is not a date'),
        (["--source", "nowhere"], "There are no assignments: nowhere does not exist."),
        (["--source", "~/nowhere"], f"There are no assignments: {Path.home() / 'nowhere'} does"),
        (["--class", os.devnull], f"File exists: {os.devnull}"),
        (["--dask", "tls://127.0.0.1:9"], "No Dask scheduler answers at tls://127.0.0.1:9."),
    ],
)
def test_what_is_mistyped_ends_in_one_sentence(course, capsys, arguments, sentence):
    course.hand_in("s0", course.release())
    command = ["grade", str(course.submissions), "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source), *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "has no students in it."),
        (b"Ada\nGrace\n", 'has no column "id": its first line names the columns.'),
        (b"id,email\n,ada@x.org\n", 'line 2: there is no value in the column "id".'),
        (b"id\nada\nada\n", "line 3: ada is there twice."),
        (b"id,due\nada,soon\n", '"soon" is not a date'),
        (b"id\n" + b"x" * 200_000, "cannot be read as CSV"),
        (b"\xff\xfei\0d\0", "is not UTF-8: export it as CSV UTF-8."),
    ],
)
def test_a_roster_that_cannot_be_used(tmp_path, text, sentence):
    (tmp_path / "class.csv").write_bytes(text)
    with pytest.raises(collect.CollectError) as error:
        collect.read_roster(tmp_path / "class.csv")
    assert sentence in str(error.value)


@pytest.mark.parametrize("limit", ["--seconds=-3", "--workers=0", "--memory-gb=much", "--nothing"])
def test_an_impossible_limit_is_refused(course, capsys, limit):
    with pytest.raises(SystemExit) as stopped:
        main(["grade", str(course.submissions), limit])
    assert stopped.value.code and len(capsys.readouterr().err.splitlines()) == 1


def test_a_damaged_gradebook_is_one_sentence(course, capsys):
    course.hand_in("s0", course.release())
    (course.room.folder / "gradebook.db").write_text("not a database")
    command = ["grade", str(course.submissions), "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The gradebook")


def test_a_class_that_was_never_released_is_graded_with_a_roster(course):
    """As `sudo make grade` runs it: nbgrader calls alembic, which is not in a teacher's PATH."""
    course.hand_in("s0", toy.answered(course.release(), **toy.RIGHT))
    if os.geteuid() == 0:
        os.chown(course.folder, 1234, 1234)
    (course.room.folder / "gradebook.db").unlink()  # and one whose gradebook was thrown away
    for folder in (course.room.folder, course.folder / "new"):
        roster = course.folder / "roster.csv"
        roster.write_text("id\ns0\n")
        command = course.command()
        command[command.index("--class") + 1] = str(folder)
        clean = os.environ | {"PATH": "/usr/bin:/bin", "SUDO_UID": "1234", "SUDO_GID": "1234"}
        run = subprocess.run(
            [*command, "--roster", str(roster)], cwd=ROOT, env=clean, capture_output=True, text=True
        )
        assert run.returncode == 0 and "s0, 01_toy: 10 of 14" in run.stdout, run.stderr
        if os.geteuid() == 0:  # `sudo make grade` leaves nothing of root's behind
            assert {p.stat().st_uid for p in [folder, *folder.rglob("*")]} == {1234}


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("", "Say where the submissions are"),
        ("nowhere", "There is no folder"),
        (".", "No submission"),
        ("../assignments/nbgrader_config.py", "{} is a file: unpack it"),
    ],
)
def test_a_folder_without_submissions(course, capsys, folder, sentence):
    folder = folder and str(course.submissions / folder)
    command = ["grade", folder, "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source)]) == 1
    assert capsys.readouterr().err.startswith(sentence.format(folder))


# Release


def test_release_gives_nothing_away_and_scores_nothing(course, capsys):
    command = ["release", "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source)]) == 0
    said = capsys.readouterr().out
    assert said == "release/01_toy/01_toy.ipynb: runs to its end, scores 0 of 10\n"
    text = (course.room.folder / "release" / toy.NAME / f"{toy.NAME}.ipynb").read_text()
    for hidden in (toy.SECRET, "HIDDEN", "SOLUTION", "rubric", "other numbers"):
        assert hidden not in text
    assert "Set-up: run this cell first" in text and "YOUR CODE HERE" in text
    assert release.try_out(course.room, toy.NAME, LIMITS, solved=True) == (10, 10, [])


def test_the_badge_leads_to_where_students_find_the_notebook(course):
    command = ["release", "--class", str(course.room.folder), "--repository", "me/for-students"]
    assert main([*command, "--source", str(course.room.source)]) == 0
    link = (
        f"colab.research.google.com/github/me/for-students/blob/main/release/{toy.NAME}/{toy.NAME}"
    )
    path = course.room.folder / "release" / toy.NAME / f"{toy.NAME}.ipynb"
    assert link in path.read_text()
    release.make(release.Class(course.room.folder, course.room.source), toy.NAME)
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
    command = ["release", "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source)]) == 1
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
    path = course.room.source / toy.NAME / f"{toy.NAME}.ipynb"
    path.write_text(path.read_text().replace(before, after, 1))
    command = ["release", "--class", str(course.room.folder)]
    assert main([*command, "--source", str(course.room.source)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(sentence)


# Mending


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("form"))
    version = course.release()
    return release.template(course.room, toy.NAME), version


def mended(form, notebook):
    return mend.mend(form, mend.read(json.dumps(notebook).encode()))


def answers(mended_):
    return {mend.name_of(c): c["source"] for c in mended_.cells if mend.role(c) == mend.ANSWER}


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
    ],
)
def test_answers_are_found_whatever_happened(form, change):
    found = mended(form[0], change(toy.answered(form[1], **toy.RIGHT)))
    assert answers(found) == toy.RIGHT
    tests = [c["source"] for c in found.cells if mend.role(c) == mend.TEST]
    assert len(tests) == 3 and all("HIDDEN TESTS" in text for text in tests)


def test_an_answer_that_resembles_nothing_is_found_by_its_place(form):
    odd = toy.RIGHT | {"mended": "mended = max"}
    found = mended(form[0], toy.stripped(toy.answered(form[1], **odd)))
    assert answers(found) == odd


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"PK\x03\x04\xff", "not JSON"),
        (b"[1, 2]", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(content, reason):
    with pytest.raises(mend.NotANotebook, match=reason):
        mend.read(content)


@pytest.mark.parametrize(
    "junk", [None, 3, {}, {"cell_type": "code"}, {"cell_type": "x", "source": 1}]
)
def test_cells_that_are_none_do_no_harm(form, junk):
    notebook = toy.answered(form[1], **toy.RIGHT)
    notebook["cells"].insert(2, junk)
    assert answers(mended(form[0], notebook)) == toy.RIGHT


def test_scripts_in_answers_do_not_reach_the_marker(course):
    version = course.release()
    script = "Because <script>alert(1)</script> <img src=x onerror=alert(2)> of **this**."
    shows = "from IPython.display import HTML, display\n"
    shows += "display(HTML('<script>alert(3)</script>'))\n"
    right = toy.RIGHT | {"explain": script, "double": shows + toy.DOUBLE}
    course.hand_in("s0", toy.answered(version, **right))
    link = "[the source](java&#115;cript:alert(4)) of `this`"
    course.hand_in("s1", toy.answered(version, **toy.RIGHT | {"explain": link}))
    course.grade()
    text = (course.room.folder / "autograded" / "s0" / toy.NAME / f"{toy.NAME}.ipynb").read_text()
    outputs = [o for c in nbformat.reads(text, 4).cells for o in c.get("outputs", [])]
    assert "alert(3)" not in json.dumps(outputs)
    assert "[the source](" in course.feedback("s1") and "alert(4)" in course.feedback("s1")
    assert 'href="javascript' not in course.feedback("s1")
    html = course.feedback("s0")
    assert "<script>alert" not in html and "<img src=x" not in html and "of <strong>" in html


# Cheats that know how tests work

IN_THE_CALL = "def double(x):\n    {patch}\n    return 4"
NO_ASSERTS = (
    toy.WRONG["double"]
    + """
import ast
def without(nodes):
    return [node for node in nodes if not isinstance(node, (ast.Assert, ast.For))]
old = get_ipython().compile.ast_parse
def parse(*a, **k):
    tree = old(*a, **k)
    tree.body = without(tree.body)
    return tree
"""
)
RUNS_NO_ASSERTS = """\
    async def run_ast_nodes(self, nodes, *a, **k):
        from IPython.core.interactiveshell import InteractiveShell
        return await InteractiveShell.run_ast_nodes(self, without(nodes), *a, **k)
"""
SUBTLE = {
    "the test's function, from within the answer": IN_THE_CALL.format(
        patch="globals()['close'] = lambda *a: True"
    ),
    "numpy's, from within the answer": IN_THE_CALL.format(
        patch="np.allclose = lambda *a, **k: True"
    ),
    "numpy itself": "import types\nnumpy, np = np, types.SimpleNamespace(**vars(np))\n"
    "np.allclose = lambda *a, **k: True\n" + toy.WRONG["double"],
    "the guard": "import sys\nclass Guard:\n    def __getattr__(self, name):\n"
    "        return lambda *a, **k: None\nsys.modules['_course_guard'] = Guard()\n"
    + toy.WRONG["double"],
    "tracing": IN_THE_CALL.format(patch="import sys; sys.settrace(lambda *a: None)"),
    "leaving the test": "def double(x):\n    raise SystemExit(0)",
    "leaving Python": "def double(x):\n    import os\n    os._exit(0)",
    "a value shown": "def double(x):\n    get_ipython().displayhook(3.0)\n    return 7",
    "the compiler": NO_ASSERTS + "get_ipython().compile.ast_parse = parse\n",
    "the compiler's class": NO_ASSERTS
    + "type(get_ipython().compile).ast_parse = lambda self, *a, **k: parse(*a, **k)\n",
    "another compiler": NO_ASSERTS + "class Compiler(type(get_ipython().compile)):\n"
    "    def ast_parse(self, *a, **k):\n        return parse(*a, **k)\n"
    "get_ipython().compile = Compiler()\n",
    "another kind of shell": NO_ASSERTS
    + "class Shell(type(get_ipython())):\n"
    + RUNS_NO_ASSERTS
    + "get_ipython().__class__ = Shell\n",
    "a method that was inherited": NO_ASSERTS
    + "class Shell(type(get_ipython())):\n"
    + RUNS_NO_ASSERTS
    + "type(get_ipython()).run_ast_nodes = Shell.run_ast_nodes\n",
    "a name in front of Python's own": "import IPython.core.interactiveshell as module\n"
    "def fake(*a):\n    try:\n        exec(*a)\n    except AssertionError:\n        pass\n"
    "module.exec = fake\n",
    "another namespace": "class Names(dict):\n    def __getitem__(self, name):\n"
    "        return (lambda *a: True) if name == 'close' else dict.__getitem__(self, name)\n"
    "get_ipython().user_ns = Names(get_ipython().user_ns)\n",
    "Python's own names": "import builtins\ndef row_means(m):\n"
    "    return [2, 5] if len(m) == 2 else [7] * len(m)\n"
    "globals()['__builtins__'] = vars(builtins) | {'all': lambda *a: True}\n",
    "another shell asked": NO_ASSERTS + "import IPython\nshell = get_ipython()\nclass Other:\n"
    "    def __getattr__(self, name):\n        return getattr(shell, name)\n"
    "IPython.get_ipython = Other\nshell.compile.ast_parse = parse\n",
    "clearing what is shown": "from IPython.display import clear_output\n"
    "def double(x):\n    clear_output()\n    return 7",
}


@pytest.mark.parametrize("cheat", SUBTLE)
def test_subtle_cheats_gain_nothing(form, cheat):
    wrong = toy.answered(form[1], **toy.WRONG | {"double": SUBTLE[cheat]})
    found = mended(form[0], wrong)
    result = execute.run(release.task(form[0], found, LIMITS, {}))
    assert release.points(found.cells, result["cells"]) == 0


def test_what_was_run_does_not_show_the_tests(form):
    """IPython remembers its input, and the text of what it has compiled."""
    look = "import linecache\nprint(In, _i, _ii, _iii, list(linecache.cache.values()))"
    shows = toy.with_cell(toy.answered(form[1], **toy.RIGHT), "mended", look)
    found = mended(form[0], shows)
    result = execute.run(release.task(form[0], found, LIMITS, {}))
    printed = json.dumps([cell["outputs"] for cell in result["cells"]])
    assert "return 2 * x" in printed and "HIDDEN" not in printed and "other" not in printed
    assert release.points(found.cells, result["cells"]) == 10


def test_what_is_named_in_the_guide_is_at_least_reported():
    equal = "class Equal:\n    def __eq__(self, other):\n        return True"
    assert mend.odd_code(equal) == ["a class with __eq__"]
    for odd in ("sys._getframe(1)", "import linecache", "open('/etc/passwd')", "np.all = len"):
        assert mend.odd_code(odd), odd
    for usual in (toy.DOUBLE, "np.random.seed(0)", "model.units = 3", "a[0] = 1", "x = a / b"):
        assert not mend.odd_code(usual), usual


# Where isolation is not to be had


def test_without_isolation_grading_works_and_says_so(course, monkeypatch):
    course.hand_in("s0", toy.answered(course.release(), **toy.RIGHT))
    none = sandbox.Isolation(sandbox.LIMITS, "Isolation needs Linux.")
    monkeypatch.setattr(sandbox, "probe", lambda: none)
    course.grade()
    assert course.scores()["s0"]["machine"] == "10"
    assert "were NOT isolated" in course.said[0]
    assert course.report().splitlines()[4].startswith("**WARNING: submissions were NOT isolated")


@pytest.mark.parametrize("user", ["root", "another"])
def test_the_sandbox_shows_nothing_of_the_course(tmp_path, user):
    """As root, and in a user namespace, as a teacher without root has it."""
    if not ISOLATED:
        pytest.skip("needs Linux namespaces")
    level = sandbox.FULL if user == "root" else sandbox.NAMESPACES
    if user == "root" and os.geteuid():
        pytest.skip("needs root")
    look = "import os; print(sorted(os.listdir('/course')), os.path.exists('/course/assignments'),"
    look += f" os.path.exists({str(ROOT)!r} + '/assignments'), os.path.exists({str(tmp_path)!r}),"
    look += " os.access('/course/utils', os.W_OK), len(os.listdir('/sys/class/net')) if"
    look += " os.path.exists('/sys/class/net') else 0)"
    shared = tmp_path / "s"
    shared.mkdir()
    argv = [sys.executable, "-c", look]
    process = sandbox.start(
        argv, tmp_path, shared, sandbox.Isolation(level), stdout=subprocess.PIPE, text=True
    )
    out, _ = process.communicate(timeout=60)
    kept = [name for name in ("data", "utils") if (ROOT / name).is_dir()]
    hidden = f"{sorted([*kept, 'work'])} False False"
    assert out.startswith(hidden) and out.split()[-2:] == ["False", "0"]


# When the grading itself fails


def test_what_could_not_be_graded_is_said_and_tried_again(course, monkeypatch):
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


def test_marks_that_cannot_be_written_do_not_stop_the_others(course, monkeypatch):
    a_class(course, 2)
    write = merge.merge

    def fails(room, job, form):
        if job.submission.student == "s0":
            raise ValueError("no room")
        write(room, job, form)

    monkeypatch.setattr(merge, "merge", fails)
    course.grade()
    assert course.scores()["s1"]["machine"] == "10"
    assert "its marks could not be written (ValueError: no room)" in course.report()
    monkeypatch.setattr(merge, "merge", write)
    course.grade()
    everything_right(course, 2)

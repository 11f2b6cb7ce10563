"""What a teacher can mistype, and what cannot be used: one sentence each."""

import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")
import toy

from classroom.__main__ import main
from classroom.coursedir import ClassroomError, CourseDirectory
from utils import ROOT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--assignment", "09"], 'There is no assignment "09"; there are: 01_toy.'),
        (["--roster", "nowhere.csv"], "There is no roster nowhere.csv."),
        (["--due", "tomorrow"], '"tomorrow" is not a date'),
        (["--source", "nowhere"], "There are no assignments: nowhere does not exist."),
        (["--source", "~/nowhere"], f"There are no assignments: {Path.home() / 'nowhere'} does"),
        (["--class", os.devnull], f"File exists: {os.devnull}"),
        (["--dask", "tls://127.0.0.1:9"], "There is no"),
    ],
)
def test_what_is_mistyped_ends_in_one_sentence(course, capsys, arguments, sentence):
    course.hand_in("s0", course.release())
    command = ["grade", str(course.submissions), "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source), *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(sentence)


@pytest.mark.parametrize("limit", ["--seconds=-3", "--workers=0", "--memory-gb=much", "--nothing"])
def test_an_impossible_limit_is_refused(course, capsys, limit):
    with pytest.raises(SystemExit) as stopped:
        main(["grade", str(course.submissions), limit])
    assert stopped.value.code and len(capsys.readouterr().err.splitlines()) == 1


def test_a_damaged_gradebook_is_one_sentence(course, capsys):
    course.hand_in("s0", course.release())
    (course.dir.folder / "gradebook.db").write_text("not a database")
    command = ["grade", str(course.submissions), "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The gradebook")


def test_a_class_that_was_never_released_is_graded_with_a_roster(course):
    """As `sudo make grade` runs it: nbgrader calls alembic, which is not in a teacher's PATH."""
    course.hand_in("s0", toy.answered(course.release(), **toy.RIGHT))
    if os.geteuid() == 0:
        os.chown(course.folder, 1234, 1234)
    (course.dir.folder / "gradebook.db").unlink()  # and one whose gradebook was thrown away
    for folder in (course.dir.folder, course.folder / "new"):
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
    command = ["grade", folder, "--class", str(course.dir.folder)]
    assert main([*command, "--source", str(course.dir.source)]) == 1
    assert capsys.readouterr().err.startswith(sentence.format(folder))


def test_a_class_whose_name_cuts_the_gradebooks_address(tmp_path):
    with pytest.raises(ClassroomError, match="no [?] in its name"):
        CourseDirectory(tmp_path / "what?")

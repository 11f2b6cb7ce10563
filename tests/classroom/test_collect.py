"""Whose a file is, of which assignment, and when it came; the roster."""

import datetime
import json
import os
import time

import pytest

pytest.importorskip("nbgrader")
import toy

from classroom import collect
from classroom.coursedir import ClassroomError
from classroom.roster import Student, read_roster, student_id

MOODLE = "assignsubmission_file_/x.ipynb"


def found(course, *paths, roster=None, content="{}", **more):
    """The submissions among these files, and the remarks."""
    for path in paths:
        course.put(path, content)
    if roster is not None:
        roster = {s.name: s for s in (Student(s) if isinstance(s, str) else s for s in roster)}
    return collect.find(
        course.submissions, [toy.NAME, "02_other"], lambda path: toy.NAME, roster=roster, **more
    )


def students(course, *paths, **more):
    return [submission.student for submission in found(course, *paths, **more)[0]]


def words(course, *paths, **more):
    submissions, remarks = found(course, *paths, **more)
    return "\n".join([*remarks, *(f.text for s in submissions for f in s.findings)])


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Ada Lovelace_01_toy.ipynb", "Ada Lovelace"),
        ("lovelaceada_123_4567_01_toy-1.ipynb", "lovelaceada"),
        ("lovelaceada_LATE_123_4567_01_toy.ipynb", "lovelaceada"),
        ("lovelaceada_1234_567890_homework.ipynb", "lovelaceada"),
        ("lovelaceada_500_9000_hw6.ipynb", "lovelaceada"),
        ("turingalan_502_9002_Untitled0.ipynb", "turingalan"),
        ("lovelaceada_late_500_9000_Untitled (2).ipynb", "lovelaceada"),
        ("lovelaceada_500_9000_turingalan_502_9002_x.ipynb", "lovelaceada"),
        ("lovelaceada_500_9000_课程.ipynb", "lovelaceada"),
        ("Ada Lovelace_77_assignsubmission_file_/01_toy.ipynb", "Ada Lovelace"),
        ("Ada Lovelace_77_assignsubmission_file/Alan Turing_01_toy.ipynb", "Ada Lovelace"),
        ("Ada Lovelace_77_assignsubmission_file_toy.ipynb", "Ada Lovelace"),
        ("Participant_1041_assignsubmission_file_/x.ipynb", "Participant 1041"),
        ("ada/Copy of 01_toy.ipynb", "ada"),
        ("ada/01_toy/01_toy.ipynb", "ada"),
        ("01_toy/ada.ipynb", "ada"),
        ("ada/my homework.ipynb", "ada"),
        ("ada/alan/turing/x.ipynb", "ada"),
        ("ada_12_01_toy.ipynb", "ada_12"),
        ("CS101-Assignment 6-10231/Ada Lovelace_77_assignsubmission_file_/x.ipynb", "Ada Lovelace"),
        ("CS101-Assignment 6-10231/lovelaceada_500_9000_hw6.ipynb", "lovelaceada"),
        ("Submitted files/Ada Lovelace/Assignment 6/Version 1/x.ipynb", "Ada Lovelace"),
        ("a/b/Ada Lovelace_77_assignsubmission_file_/x.ipynb", "a"),
        ("gradebook_CS101_Toy_ada_attempt_2026-11-20-10-11-12_01_toy.ipynb", "ada"),
        ("ada+01_toy+2026-11-20 10:11:12 UTC+dGhpcw/01_toy.ipynb", "ada"),
        ("“01_toy.ipynb”的副本.ipynb", None),
        ("Copy of 01_toy.ipynb", None),
        ("“ada/“01_toy.ipynb”的副本.ipynb", "“ada"),
    ],
)
def test_whose(course, path, student):
    submissions, remarks = found(course, path)
    assert [s.student for s in submissions] == ([student] if student else [])
    assert bool(student) != any("whose is it?" in remark for remark in remarks)
    assert {s.assignment for s in submissions} <= {toy.NAME}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([f"Participant_{n}_{MOODLE}" for n in (1041, 1042, 7)],
         ["Participant 1041", "Participant 1042", "Participant 7"]),
        ([f"Kim Lee_{n}_{MOODLE}" for n in (5, 6)], ["Kim Lee 5", "Kim Lee 6"]),
        (["leekim_5_100_hw.ipynb", "leekim_6_101_hw.ipynb"], ["leekim 5", "leekim 6"]),
        (["leekim_5_100_hw.ipynb", "leekim_5_101_hw-1.ipynb"], ["leekim"]),
        (["A_5_assignsubmission_file_/01_toy.ipynb", "A_9_assignsubmission_file_/02_other.ipynb"],
         ["A", "A"]),
        (["CS 101/ada_12_assignsubmission_file_/x.ipynb", "CS 101/grace/x.ipynb"],
         ["ada", "grace"]),
        (["CS 101/ada_01_toy.ipynb", "CS 101/grace_1_2_01_toy.ipynb"], ["ada", "grace"]),
        (["all of it/ada/01_toy/x.ipynb", "all of it/grace/01_toy/x.ipynb"], ["ada", "grace"]),
        (["CS-A6-1/ada_1_assignsubmission_file_/x.ipynb",
          "CS-A6-2/bob_2_assignsubmission_file_/x.ipynb"], ["ada", "bob"]),
        # what lies in a student's folder decides nothing
        (["ada/x.ipynb", f"mallory/ada_1_{MOODLE}"], ["ada", "mallory"]),
        (["ada_1_assignsubmission_file_/x.ipynb", "mallory_2_assignsubmission_file_/ada/x.ipynb"],
         ["ada", "mallory"]),
        (["ada/01_toy.ipynb", "mallory/ada_01_toy.ipynb"], ["ada", "mallory"]),
    ],
)  # fmt: skip
def test_whose_among_others(course, paths, expected):
    assert sorted(students(course, *paths)) == expected


def test_groups_in_folders_take_a_roster(course):
    paths = ("group 1/ada/x.ipynb", "group 2/grace/x.ipynb", "group 2/new/x.ipynb")
    assert students(course, *paths, roster=["ada", "grace"]) == ["ada", "grace", "new"]


def test_a_folder_of_another_students_name_inside_changes_nothing(course):
    paths = ("ada/x.ipynb", "mallory/ada/x.ipynb", "mallory/x_ada.ipynb")
    assert students(course, *paths, roster=["ada", "grace"]) == ["ada", "mallory"]


def test_a_name_that_two_on_the_roster_have_is_nobodys(course):
    roster = [Student("kl1", "Kim", "Lee"), Student("kl2", "Kim", "Lee"), Student("al", "A", "L")]
    assert students(course, "Kim Lee/x.ipynb", "A L/x.ipynb", roster=roster) == ["Kim Lee", "al"]


def test_numbers_on_the_roster_are_found(course):
    roster = [Student("al1", email="Participant 1041")]
    path = f"Participant_1041_{MOODLE}"
    assert students(course, path, roster=roster) == ["al1"]


def test_that_a_name_is_not_unique_is_said(course):
    paths = [f"Kim Lee_{n}_{MOODLE}" for n in (5, 6)]
    assert "several students go by the name kim lee" in words(course, *paths)


@pytest.mark.parametrize(
    ("paths", "counts"),
    [
        (["ada/X.ipynb", "ada/X (1).ipynb"], "X (1)"),
        (["ada/X (2).ipynb", "ada/X (10).ipynb"], "X (10)"),
        (["lovelaceada_1_20_x-2.ipynb", "lovelaceada_1_20_x-10.ipynb"], "lovelaceada_1_20_x-10"),
        (["ada/v1/x.ipynb", "ada/y.ipynb"], "y"),
    ],
)
def test_of_two_versions_of_the_same_time_the_last_copy_counts(course, paths, counts):
    for path in paths:
        os.utime(course.put(path, "{}"), (10**9, 10**9))
    ((submission,), _) = found(course)
    assert submission.path.stem == counts
    assert "handed in more than once" in submission.findings[0].text


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2026-02-02 15:58:23.948203 CET", "14:58"),
        ("2026-02-02 15:58:23 America/Los_Angeles", "23:58"),
        ("2026-07-02 15:58:23 Europe/London", "14:58"),
        ("2026-02-02 15:58:23 UTC", "15:58"),
        ("\ufeff2026-02-02 15:58:23 UTC\r\n", "15:58"),
        ("2026-02-02 15:58:23", "15:58"),
        ("2026-02-02T15:58:23+09:00", "06:58"),
        ("2026-02-02 15:58:23 +0900", "06:58"),
    ],
)
def test_when(course, stamp, utc):
    course.put("ada/timestamp.txt", stamp)
    ((submission,), remarks) = found(course, "ada/x.ipynb")
    assert submission.when.astimezone(datetime.UTC).strftime("%H:%M") == utc
    assert submission.when.year == 2026 and not submission.findings and not remarks


@pytest.mark.parametrize("stamp", ["soon", "", "2026-13-01 10:00:00 UTC", "2026-01-01 10:00 Mars"])
def test_a_time_that_cannot_be_read_is_said(course, stamp):
    course.put("ada/timestamp.txt", stamp)
    assert "timestamp.txt cannot be read" in words(course, "ada/x.ipynb")


def test_late(course):
    due = datetime.datetime(2026, 2, 2, 12, tzinfo=datetime.UTC)
    later = due + datetime.timedelta(days=9)
    for student in ("ada", "bob", "carl"):
        course.put(f"{student}/timestamp.txt", "2026-02-05 12:00:00 UTC")
    course.put("carl/timestamp.txt", "2026-02-02 12:10:00 UTC")
    roster = [Student("ada"), Student("bob", due=later), Student("carl")]
    paths = [f"{student}/x.ipynb" for student in ("ada", "bob", "carl")]
    submissions, _ = found(course, *paths, roster=roster, due=due)
    assert [s.late for s in submissions] == ["3 days", "", "10 minutes"]


def test_ids_are_short_and_stay_apart():
    long = "课" * 90
    assert len(student_id(long).encode()) < 120 and student_id(long) != student_id(long + "x")
    assert student_id(os.fsdecode(b"M\xfcller")) != student_id(os.fsdecode(b"M\xf6ller"))
    assert student_id("../x") == "-x" and student_id("...") == "unnamed"


def test_roster_missing_late_and_strangers(course, no_kernels):
    version = course.release()
    roster = course.folder / "roster.csv"
    roster.write_text(
        "id;first_name;last_name;email;due\n"
        "al1;Ada;Lovelace;ada@example.org;\nck2;Çağrı;Kaya;;2030-01-01\n"
        "gh3;Grace;=Hopper();;\n",
        encoding="utf-8-sig",
    )
    for name in ("Ada Lovelace", "ck2", "stranger"):
        course.hand_in(name, toy.answered(version, **toy.RIGHT))
    course.grade(roster=str(roster), due="2020-01-01 12:00")
    rows, text = course.scores(), course.report()
    assert rows["al1"]["last_name"] == "Lovelace" and rows["al1"]["late"].endswith("days")
    assert rows["ck2"]["late"] == "" and rows["gh3"]["last_name"] == "'=Hopper()"
    assert rows["gh3"]["see_report"] == "missing" and rows["gh3"]["score"] == ""
    assert "- gh3, 01_toy" in text and "**stranger**, 01_toy: is not on the roster" in text


def test_files_that_are_no_submissions_are_named(course, no_kernels):
    version = course.release()
    course.hand_in("ada", version)
    second = course.put(f"ada_{toy.NAME} (1).ipynb", toy.answered(version, **toy.RIGHT))
    os.utime(second, (time.time() + 60, time.time() + 60))
    course.put(f"Copy of {toy.NAME}.ipynb", version)
    course.put("bob_essay.docx", "text")
    course.put("carl_other.ipynb", '{"cells": []}')
    course.put("emil homework.ipynb", version)
    for folder in ("__MACOSX", ".ipynb_checkpoints"):
        course.put(f"{folder}/fred_{toy.NAME}.ipynb", version)
    solution = course.dir.source_of(toy.NAME)
    (course.submissions / f"dora_{toy.NAME}.ipynb").symlink_to(solution)
    course.grade()
    text = course.report()
    assert course.machine() == {"ada": "10", "emil homework": "0"}
    assert "handed in more than once" in text and "whose is it?" in text
    assert "bob_essay.docx is not a notebook" in text
    assert f"dora_{toy.NAME}.ipynb is a link to another place" in text
    assert "carl_other.ipynb: which assignment is it?" in text


def test_the_same_file_from_two_students_is_said(course, no_kernels):
    version = course.release()
    for name in ("ada", "bob"):
        course.put(f"{name}/x.ipynb", json.dumps(toy.answered(version, **toy.RIGHT)))
    course.put("carl/x.ipynb", version)
    course.put("dora/x.ipynb", "")
    course.put("emil/x.ipynb", "")
    course.grade()
    assert "the same file, byte for byte: ada, bob (01_toy)" in course.report()
    assert course.report().count("byte for byte") == 1


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
    with pytest.raises(ClassroomError) as error:
        read_roster(tmp_path / "class.csv")
    assert sentence in str(error.value)

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
    guess = grade._Forms(course.dir).guess
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
    solution = course.dir.source / toy.NAME / f"{toy.NAME}.ipynb"
    (course.submissions / f"dora_{toy.NAME}.ipynb").symlink_to(solution)
    course.grade()
    text = course.report()
    assert course.scores()["ada"]["machine"] == "10"
    assert "handed in more than once" in text and "whose is it?" in text
    assert "bob_essay.docx is not a notebook" in text
    assert "byte for byte" not in text and "dora" not in course.scores()
    assert f"dora_{toy.NAME}.ipynb is a link to another place" in text
    assert "carl_other.ipynb: which assignment is it?" in text

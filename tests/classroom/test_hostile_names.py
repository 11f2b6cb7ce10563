"""Names and messages that could stop or bend a run, each beside good neighbours."""

import os

import pytest

pytest.importorskip("nbgrader")
import toy
from hostile import ALL, GOOD, grade, groups

from classroom import execute
from conftest import run_quickly

HALF = "\ud83d"  # of an emoji


def stamped(text):
    return lambda course, who, right: (
        course.put(f"{who}/x.ipynb", right),
        course.put(f"{who}/timestamp.txt", text),
    )


def linked(target):
    def make(course, who, right):
        course.put(f"{who}/x.ipynb", right)
        (course.submissions / who / "y.ipynb").symlink_to(target)

    return make


def a_pipe(course, who, right):
    course.put(f"{who}/x.ipynb", right)
    os.mkfifo(course.submissions / who / "pipe.ipynb")


def at_time(seconds):
    def make(course, who, right):
        os.utime(course.put(f"{who}/x.ipynb", right), (seconds, seconds))

    return make


def named(path):
    return lambda course, who, right: course.put(path, right)


def beside(path):
    """A file that is no notebook beside a right one."""
    return lambda course, who, right: (
        course.put(f"{who}/x.ipynb", right),
        course.put(f"{who}/{path}", b"%PDF"),
    )


FORGED = "odd\n\n## Look\n- **anna**, 01: <img src=x onerror=alert(1)> [x](http:x)"
#: Kind -> (what is put into the folder, the student in the scores if not the kind, words)
NAMES = {
    "not UTF-8": (named(os.fsdecode(b"M\xfcller/x.ipynb")), ..., ""),
    "not UTF-8 either": (named(os.fsdecode(b"M\xf6ller/x.ipynb")), ..., ""),
    "a PDF, not UTF-8": (beside(os.fsdecode(b"M\xfcller.pdf")), "", "not a notebook"),
    "a flat file, not UTF-8": (named(os.fsdecode(b"M\xe4ller_01_toy.ipynb")), ..., ""),
    "249 bytes": (named(f"{'x' * 236}_01_toy.ipynb"), ..., ""),
    "83 Chinese characters": (named(f"{'课' * 83}/x.ipynb"), ..., ""),
    "82 Chinese characters": (named(f"{'课' * 82}/x.ipynb"), ..., ""),
    "lines of a report": (named(f"{FORGED}/x.ipynb"), ..., ""),
    "lines of a report, no notebook": (beside(f"{FORGED}.pdf"), "", "not a notebook"),
    "a formula": (named("=WEBSERVICE(CHAR(104)&A2)/x.ipynb"), "'=WEBSERVICE(CHAR(104)&A2)", ""),
    "a formula with @": (named("@SUM(1,2)/x.ipynb"), "'@SUM(1,2)", ""),
    "a formula with -": (named("-rf/x.ipynb"), "rf", ""),
    "an option": (named("--class=x/x.ipynb"), "class=x", ""),
    "written from the right": (named("odd\u202egnp/x.ipynb"), ..., ""),
    "a picture": (named("🦆/x.ipynb"), "🦆", ""),
    "dots": (named(".../x.ipynb"), None, ""),
    "spaces": (named("a  b /x.ipynb"), "a  b", ""),
    "quotes": (named("O'Br\"ien `x`/x.ipynb"), "O'Br-ien `x`", ""),
    "HTML": (named("<img src=x onerror=alert(1)>/x.ipynb"), "'-img src=x onerror=alert(1)-", ""),
    "a folder called as a notebook": (named("odd.ipynb/x.ipynb"), "odd.ipynb", ""),
    "deep folders": (
        lambda course, who, right: (course.put(f"{who}/x.ipynb", right),
                                    course.put(who + "/a" * 900 + "/x.ipynb", b"")),
        "", "too deep"),
    "a pipe": (a_pipe, "", "not a plain file"),
    "a link to a neighbour": (linked(f"../anna_{toy.NAME}.ipynb"), "", "is a link"),
    "a link to itself": (linked("y.ipynb"), "", "is a link"),
    "a link to the system": (linked("/etc/passwd"), "", "is a link"),
    "a link to a folder": (linked("/etc"), "", "is a link"),
    "a time that is none": (stamped(b"\xff\xfe\0\0 soon"), "", "timestamp.txt cannot be read"),
    "a long time": (stamped(b"9" * 10**6), "", "timestamp.txt cannot be read"),
    "the year 1": (stamped("0001-01-01 00:00:00 Asia/Tokyo"), "", "timestamp.txt cannot be"),
    "a zone that is none": (stamped("2026-01-01 10:00:00 Mars/Base"), "", "no time zone is"),
    "a time that is a folder": (
        lambda course, who, right: (course.put(f"{who}/x.ipynb", right),
                                    course.put(f"{who}/timestamp.txt/x.csv", b"")),
        "", "timestamp.txt cannot be read"),
    "the year 50000": (at_time(1.5e12), "", ""),
    "the year 1901": (at_time(-2**31), "", ""),
}  # fmt: skip


@pytest.mark.parametrize("kinds", groups(NAMES, 3), ids=lambda kinds: kinds[0])
def test_names(batch, kinds):
    course, right = batch
    for kind in kinds:
        NAMES[kind][0](course, kind, right)
    rows, report = grade(course), course.report()
    hidden = [kind for kind in kinds if NAMES[kind][1] is None]
    assert len(rows) == len(GOOD) + len(kinds) - len(hidden)
    assert {row["machine"] for row in rows.values()} == {ALL}
    for kind in kinds:
        _, student, words = NAMES[kind]
        assert student in (None, ...) or (student or kind) in rows
        assert words in report, kind
    for path in course.dir.folder.rglob("*"):
        assert len(os.fsencode(path.name)) < 200, path


def error(name="ValueError", text="no"):
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [text]}


def cell(*outputs, beyond=""):
    return lambda result: result["cells"][1].update(outputs=list(outputs), beyond=beyond)


def raises(result):
    raise MemoryError


#: What comes back of the run -> how the outcome is changed.
MESSAGES = {
    "a name of several lines": cell(error("X\n\n## Look\n- **anna**, 01_toy: cheats <img src=x>")),
    "an error of several lines": cell(error("X", "\n\n## Look\n- **anna**, 01_toy: cheats")),
    "half a character": cell(error(HALF, HALF)),
    "control characters": cell(error("\x1b[31mX\x07", "\x1b]0;title\x07 \u202e \0")),
    "4 MB": cell(error("X" * 10**6, "y" * 4 * 10**6)),
    "a million lines": cell(error("X", "y\n" * 10**6)),
    "nothing": cell(error("", "")),
    "a limit in Markdown": cell(beyond="took **more** than [6](http://x.org) <b>"),
    "a table": cell({"output_type": "stream", "name": "stdout", "text": "|-" * 10**6}),
    "half a character printed": cell({"output_type": "stream", "name": "stdout", "text": HALF}),
    "a picture that is none": cell(
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "<script>"}}
    ),
    "a problem of several lines": lambda result: result.update(problem="x\n\n## Look\n- **anna**"),
    "too few cells": lambda result: result["cells"].clear(),
    "an error of the grader's": raises,
}


def test_messages(batch, monkeypatch):
    course, right = batch
    for kind in MESSAGES:
        course.hand_in(kind, toy.with_cell(right, "double", f"# odd: {kind}"))

    def run(task):
        result = run_quickly(task)
        for cell in task["cells"]:
            if cell["source"].startswith("# odd: "):
                MESSAGES[cell["source"][7:]](result)
        return result

    monkeypatch.setattr(execute, "run", run)
    rows = grade(course)
    lost = {kind for kind in MESSAGES if rows[kind]["machine"] != ALL}
    assert lost == {"a problem of several lines", "too few cells", "an error of the grader's"}
    assert all(f"- **{kind}**, 01_toy: " in course.report() for kind in lost)

"""Files, names and messages that could stop or bend a run, each beside good neighbours.

Nothing is run in a kernel here: what is tried is all that the grader itself does.
"""

import copy
import json
import os
import re
import resource
import shutil
import time

import pytest

pytest.importorskip("nbgrader")
import toy
from nbformat.v4 import new_code_cell, new_markdown_cell

from classroom import execute
from classroom.roster import student_id
from conftest import Course, run_quickly

GOOD = ("anna", "zoe")
ALL, NONE = "10", "0"
HALF = "\ud83d"  # of an emoji
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A class in which the toy was released: the folder, and the student version."""
    course = Course(tmp_path_factory.mktemp("released"))
    return course, json.loads(json.dumps(course.release()))


@pytest.fixture
def batch(released, tmp_path, no_kernels):
    """A class with two good submissions, and the right answers."""
    first, version = released
    course = Course(tmp_path)
    shutil.copytree(first.dir.folder, course.dir.folder)
    right = toy.answered(version, **toy.RIGHT)
    for student in GOOD:
        explained = toy.RIGHT | {"explain": f"{student} says why."}
        course.hand_in(student, toy.answered(version, **explained))
    return course, right


def grade(course):
    """Grade a batch, for which the grader's own process may take neither long nor much.

    Returns:
        The rows of the scores by student.
    """
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    course.grade()
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB
    rows, lines = course.scores(), course.report().splitlines()
    for student in GOOD:
        assert rows[student]["machine"] == ALL and f"{student} says why." in course.feedback(
            student
        )
        assert not [line for line in lines if line.startswith(f"- **{student}**")]
    assert "## Look" not in lines and max(map(len, lines)) < 2000
    text = "\n".join(lines)
    assert not re.search(r"(?<!\\)<img|[\x1b\x07\0\u202e]", text)
    return rows


def written(notebook, **texts):
    """The notebook with these texts in place of answers."""
    return toy.answered(notebook, **texts)


def changed(notebook, grade_id, **fields):
    notebook = copy.deepcopy(notebook)
    toy.cell_of(notebook, grade_id).update(fields)
    return notebook


def with_cells(notebook, cells):
    return notebook | {"cells": [*notebook["cells"], *cells]}


def nested(depth, opening="[", closing="]"):
    return opening * depth + closing * depth


def in_words(text):
    return lambda n: written(n, explain=text)


def raw(change):
    """A kind that changes the file's bytes."""
    return lambda n: change(json.dumps(n).encode())


def with_text(old, new):
    """A kind that changes the file's text."""
    return lambda n: json.dumps(n).replace(old, new, 1).encode()


def at_the_end(value):
    """A kind that has one more value, given as JSON."""
    return raw(lambda b: b[:-1] + f', "more": {value}}}'.encode())


def of_format_3(notebook):
    cells = [{"cell_type": "heading", "level": 1, "source": ["A ", "toy"], "metadata": {}}]
    for cell in notebook["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            more = {
                "input": cell["source"],
                "outputs": [],
                "language": "python",
                "collapsed": False,
            }
            cells.append(old | more)
        else:
            cells.append(old | {"source": cell["source"]})
    sheet = {"cells": cells, "metadata": {}}
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}


def with_outputs(notebook, megabytes):
    outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}] * megabytes
    return changed(notebook, "double", outputs=outputs)


def letters_of_the_assignment(notebook):
    """Own cells made of the assignment's texts, in another order, in a notebook without marks."""
    texts = [cell["source"] for cell in notebook["cells"] if len(cell["source"]) > 20]
    cells = [new_code_cell(text[::-1] * 3) for text in texts for _ in range(60)]
    return toy.stripped(with_cells(notebook, cells))


#: Kind -> (the file's content, made of a notebook with the right answers; points; words).
FILES = {
    "nothing": (raw(lambda b: b""), NONE, "the file is empty"),
    "white space": (raw(lambda b: b" \n\n"), NONE, "the file is empty"),
    "a PDF": (raw(lambda b: b"%PDF-1.7\n\xff\xfe\x00"), NONE, "not JSON"),
    "an archive": (raw(lambda b: b"PK\x03\x04\xff\xff"), NONE, "not JSON"),
    "half of it": (raw(lambda b: b[: len(b) // 2]), NONE, "not JSON"),
    "null": (raw(lambda b: b"null"), NONE, "no cells"),
    "a list": (raw(lambda b: b"[1, 2]"), NONE, "no cells"),
    "cells that are a number": (raw(lambda b: b'{"cells": 3}'), NONE, "no cells"),
    "cells that are none": (
        lambda n: n | {"cells": [None, 3, [], {}, "x"]}, NONE, "no answer cell"),
    "brackets": (raw(lambda b: b"[" * 100_000), NONE, "nested too deep"),
    "nested metadata": (
        at_the_end(nested(300)), ALL, ""),
    "nested much": (
        at_the_end(nested(50_000)), NONE, "too deep"),
    "a number of 9999 digits": (
        at_the_end("1" * 9999), ALL, ""),
    "infinite numbers": (
        at_the_end("[NaN, -Infinity]"), ALL, ""),
    "a mark at the beginning": (raw(lambda b: b"\xef\xbb\xbf" + b), ALL, ""),
    "UTF-16": (raw(lambda b: b.decode().encode("utf-16")), ALL, ""),
    "UTF-16, big end first": (raw(lambda b: b.decode().encode("utf-16-be")), ALL, ""),
    "UTF-32": (raw(lambda b: b.decode().encode("utf-32")), ALL, ""),
    "NUL bytes at the end": (raw(lambda b: b + b"\0" * 5000), ALL, ""),
    "UTF-16 and NUL bytes": (raw(lambda b: b.decode().encode("utf-16") + b"\0" * 501), ALL, ""),
    "text behind the end": (raw(lambda b: b + b"\nthe end\n"), ALL, ""),
    "a conflict": (
        raw(lambda b: b"{\n<<<<<<< HEAD\n" + b[1:] + b"\n=======\n>>>>>>> x\n"), NONE, "conflict"),
    "Latin-1": (raw(lambda b: b.replace(b"Because", b"W\xe4re")), ALL, ""),
    "lines that end in CR": (lambda n: json.loads(json.dumps(n).replace("\\n", "\\r")), ALL, ""),
    "lines that end in CRLF": (
        lambda n: json.loads(json.dumps(n).replace("\\n", "\\r\\n")), ALL, ""),
    "outputs of 31 MB": (lambda n: with_outputs(n, 31), ALL, ""),
    "an output nested deep": (
        with_text('"outputs": []', f'"outputs": [{nested(400)}]'), ALL, ""),
    "half a character in code": (
        lambda n: written(n, double=f"x = '{HALF}'\n{toy.DOUBLE}"), ALL, ""),
    "half a character in words": (in_words(f"Because {HALF} of it."), ALL, ""),
    "half a character in an own cell": (
        lambda n: with_cells(n, [new_markdown_cell(HALF), new_code_cell(f"'{HALF}'")]), ALL, ""),
    "half a character in a name": (
        lambda n: with_cells(n, [new_code_cell("1", metadata=toy.marks(HALF, 3))]), ALL, ""),
    "half a character as an id": (lambda n: changed(n, "double", id=HALF), ALL, ""),
    "a NUL in code": (lambda n: written(n, double=f"{toy.DOUBLE}\n# \0"), ALL, ""),
    "a NUL in words": (in_words("Because\0of it"), ALL, ""),
    "pictures nested deep": (
        lambda n: json.dumps(changed(n, "explain", attachments={"x": 7})).replace(
            '{"x": 7}', f'{{"x": {nested(400)}}}').encode(), ALL, ""),
    "pictures that are none": (lambda n: changed(n, "explain", attachments=[1]), ALL, ""),
    "a picture's type": (
        lambda n: changed(n, "explain", attachments={"x": {"text/html": "<script>"}},
                          source="![x](attachment:x)"), ALL, ""),
    "a picture's data": (
        lambda n: changed(n, "explain", attachments={"x": {"image/png": HALF}},
                          source="![x](attachment:x)"), ALL, ""),
    "a picture": (
        lambda n: changed(n, "explain", attachments={"x.png": {"image/png": PNG}},
                          source="So: ![x](attachment:x.png)"), ALL, ""),
    "a lost picture": (in_words("So: ![image.png](attachment:image.png)"), ALL, ""),
    "a lost picture in HTML": (in_words("So: <img src='attachment:image.png'>"), ALL, ""),
    "a lost picture by reference": (in_words("So: ![x][y]\n\n[y]: attachment:image.png"), ALL, ""),
    "a lost picture, hidden": (in_words("![x](attachm&#101;nt:y) ![x](&#97;ttachment:y)"), ALL, ""),
    "a picture in the text": (
        in_words(f"So: ![x](data:image/png;base64,{PNG * 10_000})"), ALL, ""),
    "pictures of 12 MB": (
        in_words(f"So: ![x](data:image/png;base64,{'A' * 12_000_000})"), NONE, "10 MB of text"),
    "code of 2 MB": (
        lambda n: with_cells(n, [new_code_cell("x = 1\n" * 400_000)]), NONE, "1 MB of code"),
    "5000 cells": (lambda n: with_cells(n, [new_code_cell("1")] * 5000), NONE, "1000 cells"),
    "an answer 500 times": (
        lambda n: with_cells(n, [toy.cell_of(n, "double")] * 500), ALL, "more than once"),
    "the assignment's letters": (letters_of_the_assignment, ALL, "lost nbgrader's marks"),
    "an f-string of 900 kB": (
        lambda n: with_cells(n, [new_code_cell("f'" + "{a}" * 300_000 + "'")]), ALL, ""),
    "120 kB of brackets": (in_words("[" * 120_000), ALL, ""),
    "19 kB of brackets": (in_words("[" * 19_000), ALL, ""),
    "quotes in one another": (in_words(">" * 5000 + " x"), ALL, ""),
    "lists in one another": (in_words("\n".join(" " * i + "- x" for i in range(190))), ALL, ""),
    "stars": (in_words("*a_" * 6000), ALL, ""),
    "backticks": (in_words(" ".join("`" * i for i in range(1, 190))), ALL, ""),
    "tags": (in_words("<a" * 9000), ALL, ""),
    "1 MB of tags": (in_words("<b>" * 333_000), ALL, ""),
    "a script": (in_words("<script>alert(1)</script> <img src=x onerror=alert(2)>"), ALL, ""),
    "a picture from elsewhere": (in_words("So: ![](https://example.org/seen.png)"), ALL, ""),
    "marks that are a list": (lambda n: changed(n, "double", metadata={"nbgrader": [1]}), ALL, ""),
    "marks that are a text": (lambda n: changed(n, "double", metadata={"nbgrader": "x"}), ALL, ""),
    "metadata that is a list": (lambda n: changed(n, "double", metadata=[]), ALL, ""),
    "a name that is a list": (
        lambda n: changed(n, "double", metadata={"nbgrader": {"grade_id": [1]}}), ALL, ""),
    "a name of 1 MB": (
        lambda n: with_cells(n, [new_code_cell("1", metadata=toy.marks("x" * 10**6, 3))]), ALL, ""),
    "more points": (lambda n: changed(n, "test_double", metadata=toy.marks("test_double", 99)),
                    ALL, ""),
    "an id that is a list": (lambda n: changed(n, "double", id=[1]), ALL, ""),
    "text that is no text": (
        lambda n: with_cells(n, [{"cell_type": "code", "source": [1, None, {}], "metadata": {}}]),
        ALL, ""),
    "a type that is a list": (
        lambda n: with_cells(n, [{"cell_type": [1], "source": "1", "metadata": {}}]), ALL, ""),
    "format 3": (of_format_3, ALL, ""),
    "format 3, damaged": (
        lambda n: of_format_3(n) | {"worksheets": [None, {"cells": 3}]}, NONE, "old version"),
    "format 99": (lambda n: n | {"nbformat": 99, "nbformat_minor": "x"}, ALL, ""),
    "metadata that is a text": (lambda n: n | {"metadata": "x"}, ALL, ""),
}  # fmt: skip


def groups(kinds, number):
    """The kinds in so many groups: a batch each, since what surrounds a batch takes time."""
    return [list(kinds)[start::number] for start in range(number)]


@pytest.mark.parametrize("kinds", groups(FILES, 8), ids=lambda kinds: kinds[0])
def test_files(batch, kinds):
    course, right = batch
    for kind in kinds:
        course.hand_in(kind, FILES[kind][0](right))
    rows = grade(course)
    found = {kind: rows[student_id(kind)]["machine"] for kind in kinds}
    assert found == {kind: FILES[kind][1] for kind in kinds}
    lines = course.report().splitlines()
    for kind in kinds:
        _, points, words = FILES[kind]
        own = [line for line in lines if line.startswith(f"- **{kind}**")]
        assert any(words in line for line in own) if words else True, (kind, own)
        if points == ALL:
            page = course.feedback(kind)
            assert rows[kind]["to_mark_by_hand"] == "1", kind
            assert "<script" not in page and not re.search("<img[^>]*onerror", page), kind


def test_a_file_of_40_gigabytes(batch):
    course, _ = batch
    with open(course.hand_in("odd", b""), "wb") as file:
        file.truncate(40 * 10**9)
    assert grade(course)["odd"]["machine"] == NONE
    assert "larger than 200 MB" in course.report()


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

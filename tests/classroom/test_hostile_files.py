"""Files that could stop or bend a run, each beside good neighbours."""

import copy
import json
import re

import pytest

pytest.importorskip("nbgrader")
import toy
from hostile import ALL, NONE, grade, groups
from nbformat.v4 import new_code_cell, new_markdown_cell

from classroom.roster import student_id

HALF = "\ud83d"  # of an emoji
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"


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

"""A small assignment that grades in a second, and a batch of 40 submissions of it."""

import copy
import json
import unicodedata

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAME = "01_toy"
SECRET = "the-secret-of-the-solutions"
NEIGHBOUR = "what-the-neighbour-wrote"

SETUP = """\
# @title Set-up: run this cell first
import numpy as np


def close(a, b):
    return np.allclose(np.asarray(a, float), b)"""
DOUBLE = "def double(x):\n    return 2 * x"
MEANS = "def row_means(m):\n    return m.mean(axis=1)"
MENDED = "def mended(values):\n    return sorted(values)[-1]"
EXPLAIN = "Because the mean over axis 1 is the mean of each row."
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


def marks(grade_id, points=None, solution=False, locked=False):
    """nbgrader's metadata of a cell."""
    found = {"schema_version": 3, "grade_id": grade_id, "task": False}
    found |= {"grade": points is not None, "solution": solution, "locked": locked}
    return {"nbgrader": found | ({"points": points} if points is not None else {})}


def solved(text):
    head, body = text.split("\n", 1)
    begin, end = "    ### BEGIN SOLUTION", "    ### END SOLUTION"
    return f"{head}\n{begin}\n    # {SECRET}\n{body}\n{end}"


def hidden(text, more):
    return f"{text}\n### BEGIN HIDDEN TESTS\n{more}\n### END HIDDEN TESTS"


def source(extra=()):
    """The assignment with its solutions: 10 points by machine, 4 by hand."""
    text = "<!-- BEGIN SOLUTION -->\n" + EXPLAIN + "\n<!-- END SOLUTION -->"
    cells = [
        new_markdown_cell("# A toy\n\n<!-- colab badge --><!-- /colab badge -->"),
        new_code_cell(SETUP),
        new_markdown_cell("## Step 1: twice a number"),
        new_code_cell(solved(DOUBLE), metadata=marks("double", solution=True)),
        new_code_cell(
            hidden(
                "assert close(double(2), 4), 'twice 2 is 4'",
                "for n in np.random.default_rng().normal(size=5):\n"
                "    assert close(double(n), n + n), 'other numbers'",
            ),
            metadata=marks("test_double", 3, locked=True),
        ),
        new_markdown_cell("## Step 2: the mean of each row"),
        new_code_cell(solved(MEANS), metadata=marks("means", solution=True)),
        new_code_cell(
            hidden(
                "m = np.array([[1.0, 3.0], [5.0, 5.0]])\n"
                "assert np.allclose(row_means(m), [2, 5]), 'the rows have means 2 and 5'",
                "m = np.random.default_rng().normal(size=(3, 4))\n"
                "assert all(close(a, sum(b) / 4) for a, b in zip(row_means(m), m)), 'other rows'",
            ),
            metadata=marks("test_means", 3, locked=True),
        ),
        new_markdown_cell("## Debug: the largest value"),
        new_code_cell("def broken(values):\n    return values[-1]\n\n\nprint(broken([1, 2, 3]))"),
        new_code_cell(solved(MENDED), metadata=marks("mended", solution=True)),
        new_code_cell(
            hidden(
                "assert mended([3, 1, 2]) == 3, 'the largest of 3, 1, 2 is 3'",
                "values = list(np.random.default_rng().permutation(9))\n"
                "assert mended(values) == 8, 'the largest of nine'",
            ),
            metadata=marks("test_mended", 4, locked=True),
        ),
        new_markdown_cell(
            "## Explain\n\nWhy axis 1?\n<!-- BEGIN MARK SCHEME -->\nrubric\n"
            "<!-- END MARK SCHEME -->",
            metadata=marks("question", locked=True),
        ),
        new_markdown_cell(text, metadata=marks("explain", 4, solution=True)),
        *extra,
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"toy-{number}"
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SETTINGS = """\
c = get_config()
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "*YOUR ANSWER HERE*"
c.ClearMarkScheme.enforce_metadata = False
"""


def write_source(folder, extra=()):
    """The assignment as a folder of sources; returns it."""
    path = folder / "assignments" / "source" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(source(extra)), encoding="utf-8")
    (folder / "assignments" / "nbgrader_config.py").write_text(SETTINGS)
    return path.parents[1]


def cell_of(notebook, grade_id):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise LookupError(grade_id)


def answered(release, **answers):
    """A student's notebook: the student version with these answers written in."""
    notebook = json.loads(json.dumps(release))
    for grade_id, text in answers.items():
        cell_of(notebook, grade_id)["source"] = text
    return notebook


RIGHT = {"double": DOUBLE, "means": MEANS, "mended": MENDED, "explain": EXPLAIN}
WRONG = {
    "double": "def double(x):\n    return 7",
    "means": "def row_means(m):\n    return 7",
    "mended": "def mended(values):\n    return 7",
    "explain": "I do not know.",
}


def stripped(notebook):
    """Without any metadata, as a converter leaves it."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook | {"metadata": {}, "nbformat_minor": 4}


def by_colab(notebook):
    """As Colab writes it: ids of its own, in the metadata, and its own keys."""
    notebook = copy.deepcopy(notebook)
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["metadata"] |= {"id": f"Xq{number}zR", "colab": {"base_uri": "https://localhost"}}
        if cell["cell_type"] == "code":
            cell["metadata"]["outputId"] = f"out{number}"
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hi\n"]}]
    for cell in notebook["cells"][3:5]:
        del cell["metadata"]["nbgrader"]
    notebook["metadata"] = {"colab": {"provenance": []}, "accelerator": "GPU", "kernelspec": KERNEL}
    return notebook | {"nbformat_minor": 0}


def with_cell(notebook, grade_id, text, before=False):
    """With one more cell beside an answer."""
    notebook = copy.deepcopy(notebook)
    place = notebook["cells"].index(cell_of(notebook, grade_id)) + (not before)
    notebook["cells"].insert(place, {**new_code_cell(text), "metadata": {}})
    return notebook


def duplicated(notebook):
    """The stub stands before the answer, with the same mark and id: copied and pasted."""
    notebook = copy.deepcopy(notebook)
    answer = cell_of(notebook, "double")
    place = notebook["cells"].index(answer)
    stub = answer | {"source": "def double(x):\n    " + STUB.replace("\n", "\n    ")}
    notebook["cells"].insert(place, copy.deepcopy(stub))
    return notebook


def tampered(notebook):
    notebook = copy.deepcopy(notebook)
    for grade_id in ("test_double", "test_means", "test_mended"):
        cell_of(notebook, grade_id)["source"] = "assert True"
    return notebook


def without(notebook, grade_id):
    notebook = copy.deepcopy(notebook)
    notebook["cells"].remove(cell_of(notebook, grade_id))
    return notebook


CATCHES_ALL = """\
import time
while True:
    try:
        while True:
            time.sleep(0.01)
    except BaseException:
        pass
"""
IGNORES_SIGNALS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
HOG = "kept = []\nwhile True:\n    kept.append(np.ones(5_000_000))"
READ = """
import os
for place in {places!r}:
    for folder, folders, files in os.walk(place):
        folders[:] = [f for f in folders if f not in ("lib", "data")]
        for name in files:
            try:
                text = open(os.path.join(folder, name), errors="replace").read()
            except OSError:
                continue
            if "{secret}" in text:
                print("LEAKED", folder, name)
print("looked everywhere")
"""
NETWORK = """
import socket
for address in [("1.1.1.1", 53), ("{host}", {port})]:
    try:
        socket.create_connection(address, timeout=2)
        print("LEAKED", address)
    except OSError as error:
        print(error)
"""
NO_ASSERT = """
import ast
class Remove(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Remove())
"""
HIDE_ERRORS = """
shell = get_ipython()
shell.showtraceback = lambda *a, **k: None
shell.set_custom_exc((Exception,), lambda *a, **k: None)
"""
PATCH_LATER = """
import threading, time
def forever():
    while True:
        np.allclose = lambda *a, **k: True
        time.sleep(0.0005)
threading.Thread(target=forever, daemon=True).start()
"""


def batch(release, course, port):
    """40 submissions: {file's path: (content, student, points by machine, words in the report)}.

    Args:
        release: The student version, a dict.
        course: The folder with the sources; what cheats look for.
        port: Of a server on this machine that cheats try to reach.
    """
    good = answered(release, **RIGHT)
    bad = answered(release, **WRONG)
    found = {}

    def add(student, notebook, score, words="", path=None):
        if not isinstance(notebook, bytes):
            notebook = json.dumps(notebook).encode()
        found[path or f"{student}_{NAME}.ipynb"] = notebook, student, score, words

    for number in range(1, 9):
        explain = f"{EXPLAIN} This is {NEIGHBOUR}." if number == 1 else EXPLAIN
        add(f"good{number}", answered(release, **RIGHT | {"explain": explain}), 10)
    add("Ada Lovelace", good, 10, path=f"Ada Lovelace/{NAME}.ipynb")
    add(
        "Grace Brewster Hopper",
        good,
        10,
        path=f"Grace Brewster Hopper_1234_assignsubmission_file_/{NAME}.ipynb",
    )
    decomposed = unicodedata.normalize("NFD", "Łukasz Żółć")
    add("Łukasz Żółć", good, 10, path=f"{decomposed}_{NAME}.ipynb")
    add("李小龍", good, 10, path=f"李小龍/{NAME} (1).ipynb")
    add("Zoë O'Brien", good, 10)
    warns = "import sys, warnings\ndef double(x):\n    warnings.warn('careful')\n"
    warns += "    print('working', file=sys.stderr)\n    return 2 * x"
    add("warner", answered(release, **RIGHT | {"double": warns}), 10)
    add("talker", with_cell(good, "double", "for i in range(20):\n    print(i, double(i))"), 10)
    add("half", answered(release, **RIGHT | {"means": WRONG["means"]}), 7)
    add("untouched", release, 0)
    # damaged, with right answers
    add("deleter", without(good, "test_means"), 10, "test cell test_means was deleted")
    add("duplicator", duplicated(good), 10, "double was there more than once")
    add("stripped", stripped(good), 10, "lost nbgrader's marks")
    add("colab", by_colab(good), 10, "lost nbgrader's marks")
    # what must not stop or starve the others
    add("endless", answered(release, **RIGHT | {"double": CATCHES_ALL}), 7, "double took longer")
    add("deaf", answered(release, **RIGHT | {"mended": IGNORES_SIGNALS}), 6, "mended took longer")
    add("hog", answered(release, **RIGHT | {"means": HOG}), 7, "means used more than")
    killer = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    add("killer", answered(release, **RIGHT | {"mended": killer}), 6, "mended ended the kernel")
    flood = "while True:\n    print('x' * 1000)"
    add("flood", answered(release, **RIGHT | {"double": flood}), 7, "double wrote more than")
    bomb = "import os\nwhile True:\n    os.fork()"
    add("bomb", answered(release, **RIGHT | {"double": bomb}), 7, "double ")
    # cheats, without right answers
    add("tamperer", tampered(bad), 0, "test cell test_double was changed")
    places = [str(course), "/root", "/home", "/work", "/tmp", "..", "/mnt", "/srv"]
    read = READ.format(places=places, secret=SECRET)
    add("solutions", with_cell(bad, "double", read), 0, "READ THIS")
    database = f"import sqlite3\nimport glob\nfor p in glob.glob('{course}/**/gradebook.db', "
    database += "recursive=True):\n    print('LEAKED', p)\n"
    database += f"try:\n    open('{course}/class/gradebook.db', 'rb')\n    print('LEAKED')\n"
    database += "except OSError as error:\n    print(error)"
    add("gradebook", with_cell(bad, "double", database), 0, "sqlite3")
    neighbour = READ.format(places=places, secret=NEIGHBOUR)
    add("neighbour", with_cell(bad, "double", neighbour), 0, "READ THIS")
    add(
        "network",
        with_cell(bad, "double", NETWORK.format(host="127.0.0.1", port=port)),
        0,
        "socket",
    )
    checker = "np.allclose = lambda *a, **k: True\nclose = np.allclose\n"
    checker += "close.__code__ = (lambda *a, **k: True).__code__\nall = any = close"
    add("checker", with_cell(bad, "double", checker, before=True), 0, "numpy.allclose")
    add("noassert", with_cell(bad, "double", NO_ASSERT), 0, "IPython's hooks")
    add("hider", with_cell(bad, "double", HIDE_ERRORS), 0, "CHEATING?")
    add("thread", with_cell(bad, "double", PATCH_LATER), 0, "CHEATING?")
    forge = "def double(x):\n    get_ipython().displayhook(3.0)\n    return 7"
    add("forger", answered(release, **WRONG | {"double": forge}), 0, "displayhook")
    blank = "get_ipython().input_transformers_post.append(lambda lines: [])"
    add("blank", with_cell(bad, "double", blank), 0, "CHEATING?")
    # not notebooks
    add("pdf", b"%PDF-1.7\n\xff\xfe\x00 not a notebook", 0, "not a notebook")
    add("empty", b"", 0, "file is empty")
    return found

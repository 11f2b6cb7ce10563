"""Honest notebooks that are odd: each gets its right score, and the right cell is named."""

import bench
import pytest
import toy

pytest.importorskip("nbgrader")
from test_cheats import LIMITS, TESTS, once

ALL = set(TESTS.values())

#: Right answers to the first task, each written in another way.
WRITTEN = {
    "as a lambda": "double = lambda x: 2 * x",
    "as a partial function": "import functools, operator\n"
    "double = functools.partial(operator.mul, 2)",
    "as an object that can be called": "class D:\n    def __call__(self, x):\n        "
    "return x + x\n"
    "double = D()",
    "as a class": "class double(float):\n    def __new__(cls, x):\n        return float(2 * x)",
    "as an alias": "def twice(x):\n    return 2 * x\ndouble = twice",
    "decorated": "import functools\n@functools.lru_cache\ndef double(x):\n    return 2 * x",
    "vectorised": "double = np.vectorize(lambda x: 2.0 * x)",
    "with recursion": "def double(x, n=2):\n    return x + double(x, n - 1) if n else 0 * x",
    "with a global counter": "calls = 0\ndef double(x):\n    global calls\n    calls += 1\n    "
    "return 2 * x",
    "with a helper called sum": "def sum(a):\n    return 2 * a\ndef double(x):\n    return sum(x)",
    "with helpers of the tests' names": "def close(a):\n    return 2 * a\nm = values = n = 7\n"
    "def double(x):\n    return close(x)",
    "with a helper below": "def double(x):\n    return helper(x)\ndef helper(x):\n    return 2 * x",
    "annotated": "from __future__ import annotations\ndef double(x: Nothing) -> 'int':\n    "
    "return 2 * x",
    "in another alphabet": "def verdopple(größe):\n    '''二倍 😀'''\n    return 2 * größe\n"
    "double = verdopple",
    "with tabs": "def double(x):\n\tif True:\n\t\treturn 2 * x",
    "with line ends of Windows": "def double(x):\r\n    return 2 * x\r\n",
    "with %%time": "%%time\ndef double(x):\n    return 2 * x",
    "with %%capture": "%%capture said\ndef double(x):\n    print(x)\n    return 2 * x",
    "with a magic of Colab's": "%tensorflow_version 2.x\ndef double(x):\n    return 2 * x",
    "with a package that is not here": "import pandasx as pd\ndef double(x):\n    return 2 * x",
    "with an installation": "!pip install -q tqdm\ndef double(x):\n    return 2 * x",
    "with a question": "n = int(input('Which number? ') or 2)\ndef double(x):\n    return n * x",
    "with a question that gets no number": "n = int(input())\ndef double(x):\n    return 2 * x",
    "with a question in the answer": "def double(x):\n    input('go on?')\n    return 2 * x",
    "with a check of one's own that fails": "def double(x):\n    return 2 * x\n"
    "assert double(1) == 3",
    "with exit at the end": "def double(x):\n    return 2 * x\nexit()",
    "with quit at the end": "def double(x):\n    return 2 * x\nquit()",
    "that prints": "def double(x):\n    print('working on', x)\n    return 2 * x",
    "that prints on stderr": "import sys\ndef double(x):\n    print(x, file=sys.stderr)\n    "
    "return 2 * x",
    "that warns": "import warnings\ndef double(x):\n    warnings.warn('careful')\n    return 2 * x",
    "that draws": "import matplotlib.pyplot as plt\ndef double(x):\n    plt.plot([1, 2])\n    "
    "plt.show()\n"
    "    return 2 * x",
    "that changes what it was given": "def double(x):\n    x *= 2\n    return x",
    "that gives an array": "def double(x):\n    return np.array(2 * x)",
    "that gives float16 of NumPy": "def double(x):\n    return np.float64(2 * x)",
    "that gives a fraction": "from fractions import Fraction\ndef double(x):\n    "
    "return 2 * Fraction(x)",
    "that gives a decimal number": "from decimal import Decimal\ndef double(x):\n    "
    "return Decimal(x) * 2",
    "that gives a masked array": "def double(x):\n    return np.ma.array(2 * x)",
    "that gives a number of its own kind": "class Number(float):\n    pass\ndef double(x):\n"
    "    return Number(2 * x)",
    "that gives an object that converts": "class Lazy:\n    def __init__(self, x):\n        "
    "self.x = x\n"
    "    def __array__(self, dtype=None, copy=None):\n        return np.asarray(2 * self.x)\n"
    "double = Lazy",
    "that uses a file": "def double(x):\n    open('x.txt', 'w').write(str(2 * x))\n"
    "    return float(open('x.txt').read())",
    "that uses a module of its own": "open('mine.py', 'w').write('def double(x): return 2 * x')\n"
    "import sys, os; sys.path.insert(0, os.getcwd())\nfrom mine import double",
    "that uses threads": "from concurrent.futures import ThreadPoolExecutor\ndef double(x):\n"
    "    with ThreadPoolExecutor() as pool:\n        return sum_of(pool.map(float, [x, x]))\n"
    "def sum_of(parts):\n    a, b = parts\n    return a + b",
    "that uses asyncio": "import asyncio\nasync def slowly(x):\n    return 2 * x\nawait slowly(1)\n"
    "def double(x):\n    return 2 * x\n_ = asyncio.ensure_future(asyncio.sleep(10**6))",
}  # fmt: skip


@pytest.fixture(scope="module")
def shared():
    found = bench.Bench(toy.source())
    yield found
    found.close()


@pytest.mark.parametrize("way", WRITTEN)
def test_right_answer_written_in_another_way(shared, way):
    results = shared.try_out("double", WRITTEN[way])
    assert bench.earns(results["test_double"]), results


#: Other kinds of results for the second task: rows' means.
ROWS = {
    "a list": "list(m.mean(axis=1))",
    "a tuple": "tuple(m.mean(axis=1))",
    "a generator": "(row.mean() for row in m)",
    "a map": "map(np.mean, m)",
    "the values of a dict": "{i: row.mean() for i, row in enumerate(m)}.values()",
    "an array of objects": "np.array([row.mean() for row in m], object)",
    "an array in the other order": "m.mean(axis=1).astype('>f8')",
    "a view": "np.repeat(m.mean(axis=1), 2)[::2]",
}


@pytest.mark.parametrize("kind", ROWS)
def test_right_result_of_another_kind(shared, kind):
    results = shared.try_out("means", f"def row_means(m):\n    return {ROWS[kind]}")
    assert bench.earns(results["test_means"]), results


BUSY = "import threading\ndef run():\n    while True:\n        pass\n"
#: Where a cell of one's own stands, and what is in it.
OWN = {
    "a name above the set-up": ("setup", "name = 'Ada'"),
    "imports above the set-up": ("setup", "import numpy, os, sys\nnumpy.random.seed(1)"),
    "settings above the set-up": ("setup", "%matplotlib inline\n"
    "%config Completer.use_jedi = False"),
    "exit": ("means", "exit()"),
    "quit": ("means", "quit()"),
    "exit without brackets": ("means", "exit"),
    "sys.exit": ("means", "import sys\nsys.exit(1)"),
    "exit above the set-up": ("setup", "exit()"),
    "everything of NumPy": ("double", "from numpy import *"),
    "everything of pylab": ("double", "from pylab import *"),
    "Python's names taken": ("double", "sum = list = dict = print = len = type = str = id = 3\n"
                             "isinstance = repr = tuple = bool = int = float = super = 4"),
    "an import that fails": ("double", "import seaborn, google.colab"),
    "Colab's drive": ("double", "from google.colab import drive\ndrive.mount('/content/drive')"),
    "commands": ("double", "!nvidia-smi\n!ls -l\n%cd /tmp\n!pip list | head"),
    "a syntax error": ("double", "def ("),
    "a division by zero": ("double", "1 / 0"),
    "a question": ("double", "name = input('Your name? ')\nprint(name.upper())"),
    "a password": ("double", "import getpass\ngetpass.getpass()"),
    "all values shown": ("double", "get_ipython().ast_node_interactivity = 'all'\n1\n2"),
    "a debugger": ("double", "import pdb; pdb.set_trace()"),
    "much output": ("double", "for i in range(60000):\n    print(i)"),
    "output without end": ("double", "while True:\n    print('x' * 99)"),
    "a progress bar": ("double", "import sys\nfor i in range(2000):\n    "
    "sys.stderr.write(f'\\r{i}/2000')"),
    "a loop without end": ("double", "while True:\n    pass"),
    "a loop that cannot be interrupted": ("double", toy.CATCHES_ALL),
    "memory without end": ("double", toy.HOG),
    "processes without end": ("double", "import os\nwhile True:\n    os.fork()"),
    "the end of the kernel": ("double", "import os\nos._exit(0)"),
    "a crash": ("double", "import ctypes\nctypes.string_at(0)"),
    "an abort": ("double", "import os\nos.abort()"),
    "a busy thread": ("double", BUSY + "threading.Thread(target=run, daemon=True).start()"),
    "processes of a pool": ("double", "import multiprocessing\nif __name__ == '__main__':\n"
                            "    with multiprocessing.Pool(4) as pool:\n        "
    "print(pool.map(abs, [1, -2]))"),
    "time that stands still": ("double", "import time\ntime.time = time.monotonic = lambda: 0.0"),
    "output sent elsewhere": ("double", "import sys, io\nsys.stdout = sys.stderr = io.StringIO()"),
    "a folder that is gone": ("double", "import os\nos.mkdir('x')\nos.chdir('x')\n"
    "os.rmdir('../x')"),
    "warnings as errors": ("double", "import warnings\nwarnings.simplefilter('error')\n"
    "np.seterr(all='raise')"),
    "deep recursion": ("double", "import sys\nsys.setrecursionlimit(10**8)"),
    "no garbage collection": ("double", "import gc\ngc.disable()\ngc.freeze()"),
    "half an emoji": ("double", "print('\\ud83d')\n'\\ud83d'"),
    "an error in half an emoji": ("double", "raise ValueError('\\ud83d')"),
    "a large picture": ("double", "from IPython.display import Image, display\n"
                        "display(Image(data=bytes(10**6), format='png'))"),
    "a huge picture": ("double", "from IPython.display import Image, display\n"
                       "display(Image(data=bytes(4 * 10**7), format='png'))"),
    "the helpers deleted": ("double", "del close, broken"),
    "NumPy deleted": ("double", "del np"),
    "all deleted": ("means", "%reset -f"),
    "all answers deleted": ("", "pass"),
    "one's own tests of the answers": ("", "assert double(2) == 4 and mended([1]) == 1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def worker():
    found = bench.execute.Worker()
    yield found
    found.close()


@pytest.mark.parametrize("own", OWN)
def test_a_cell_of_ones_own_costs_no_points(worker, own):
    assert bench.passed(*once(worker, {}, [OWN[own]])) == ALL


#: A right notebook but for one answer; the tests that fail, and which limit is named where.
GUILTY = {
    "ends the kernel when it is called": (
        "def double(x):\n    import os\n    os._exit(0)", "test_double", "double ended the kernel"),
    "takes for ever when it is called": (
        "def double(x):\n    while True:\n        pass", "test_double", "double took longer than"),
    "cannot be interrupted when it is called": (
        "def double(x):\n    " + toy.CATCHES_ALL.replace("\n", "\n    "),
        "test_double", "double took longer than"),
    "writes without end when it is called": (
        "def double(x):\n    while True:\n        "
    "print('x' * 99)", "test_double", "double wrote more"),
    "takes all memory when it is called": (
        "def double(x):\n    " + toy.HOG.replace("\n", "\n    "
    ""), "test_double", "double used more than"),
    "takes for ever": (toy.DOUBLE + "\nwhile True:\n    pass", "double", "took longer than"),
    "ends the kernel": (toy.DOUBLE + "\nimport os\nos._exit(0)", "double", "ended the kernel"),
}  # fmt: skip


@pytest.mark.parametrize("guilty", GUILTY)
def test_a_mistake_in_one_task_does_not_cost_the_others(worker, guilty):
    source, name, words = GUILTY[guilty]
    task, outcome = once(worker, {"double": source})
    assert bench.passed(task, outcome) >= {"test_means", "test_mended"}
    named = {c["name"]: r["beyond"] for c, r in zip(task["cells"], outcome["cells"], strict=True)}
    if name:
        assert words in named.pop(name)
        assert not any(named.values()), named


def test_where_the_machine_is_too_slow_nothing_is_graded(worker):
    """A limit in the assignment's own cell is no fault of the student's."""
    notebook = toy.source()
    slow = "import time\ntime.sleep({})\n" + toy.SETUP
    for seconds, why in ((6, "took longer than 5 seconds"), (3, "setup took longer than")):
        notebook.cells[1].source = slow.format(seconds)
        task = bench.a_task(notebook, {}, (), LIMITS)
        if seconds < LIMITS["cell_seconds"]:  # in the student's kernel alone
            task["cells"][0]["source"] += (
                "\nimport sys\nif 'ipykernel' in sys.modules:\n    time.sleep(9)"
            )
        outcome = worker.do(task)
        assert why in outcome["problem"]


def test_what_runs_on_into_the_teachers_cell_is_the_students(worker):
    """A thread that holds Python's lock: the cell that started it is left out, and named."""
    holds = BUSY + "import sys\nsys.setswitchinterval(10**5)\nthreading.Thread(target=run).start()"
    task, outcome = once(worker, {}, [("helpers", holds)])
    assert bench.passed(task, outcome) == ALL
    assert outcome["cells"][1]["beyond"]


def test_the_examiner_serves_many(worker):
    once(worker, {})
    first = worker.kept
    task, outcome = once(worker, {"double": "def double(x):\n    raise MemoryError"})
    assert bench.passed(task, outcome) == {"test_means", "test_mended"} and worker.kept is first
    printed = [o for cell in outcome["cells"] for o in cell["outputs"] if "MemoryError" in str(o)]
    assert printed[0]["ename"] == "MemoryError"

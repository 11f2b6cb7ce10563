"""Answers to the eight assignments, tried in our grading: right ones, wrong ones, and none.

One kernel and one examiner for each assignment; the tests of one stand together.
"""

import re

import pytest

pytest.importorskip("nbgrader")
import bench
from test_assignments import ASSIGNMENTS, NAMES, nbgrader_cells, read, wrong_answers
from test_cheats import EQUAL


@pytest.fixture(scope="module")
def tried():
    """A function that gives an assignment's bench; the last one is ended for another."""
    benches = {}

    def get(name):
        if name not in benches:
            for other in list(benches):
                benches.pop(other).close()
            benches[name] = bench.Bench(read(ASSIGNMENTS / "source" / name / f"{name}.ipynb"))
        return benches[name]

    yield get
    for one in benches.values():
        one.close()


def failing(results):
    """The tests that earn nothing, and the error in them."""
    found = {}
    for test, result in results.items():
        errors = [o for o in result["outputs"] if o["output_type"] == "error"]
        if not bench.earns(result):
            found[test] = f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else ""
    return found


def answers_of(name, stub=""):
    """grade_id -> the solution of an answer in code, or a stub in its place."""
    cells = nbgrader_cells(read(ASSIGNMENTS / "source" / name / f"{name}.ipynb"))
    solved = re.compile("### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
    return {
        key: solved.sub(stub, cell.source) if stub else bench.unmarked(cell.source)
        for key, cell in cells.items()
        if cell.metadata.nbgrader.solution and cell.cell_type == "code"
    }


@pytest.mark.parametrize("name", NAMES)
def test_solution_passes_and_passes_again(name, tried):
    """Hidden tests draw new inputs each time."""
    for answer, source in answers_of(name).items():
        for _ in range(3):
            results = tried(name).try_out(answer, source)
            assert set(results) == {f"test_{answer}"} and failing(results) == {}


@pytest.mark.parametrize("name", NAMES)
def test_stub_fails_and_says_that_it_is_not_written(name, tried):
    for answer, source in answers_of(name, 'raise NotImplementedError("Not written")').items():
        found = failing(tried(name).try_out(answer, source))
        assert found == {f"test_{answer}": "NotImplementedError: Not written"}


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        pytest.param(name, mistake, id=f"{name}-{mistake.replace(' ', '-')}")
        for name in NAMES
        for mistake in wrong_answers(name)
    ],
)
def test_wrong_answer_loses_in_its_task_alone(name, mistake, tried):
    answer, old, new = wrong_answers(name)[mistake]
    source = nbgrader_cells(read(ASSIGNMENTS / "source" / name / f"{name}.ipynb"))[answer].source
    results = tried(name).try_out(answer, bench.unmarked(source.replace(old, new)))
    assert list(failing(results)) == list(results) == [f"test_{answer}"]


#: What any answer may do or give, in place of an answer: a function's body.
BODIES = {
    "an object that equals all": f"{EQUAL}return Equal()",
    "what it was given": "return args[0]",
    "all that it was given": "return args",
    "nothing": "return None",
    "zero": "return 0",
    "nan": "return float('nan')",
    "three times nan": "return [np.full((3, 4), np.nan)] * 3",
    "an empty array": "return np.zeros((0,))",
    "empty arrays": "return np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1))",
    "an empty list": "return []",
    "the end of an iterator": "raise StopIteration",
    "the end of Python": "raise SystemExit(0)",
    "what it finds in its caller": "import sys\nf = sys._getframe()\nwhile f:\n"
    "    for key in ('wanted', 'want', 'theirs', 'reference', 'model', 'layer'):\n"
    "        if key in f.f_locals:\n            return f.f_locals[key]\n    f = f.f_back",
    "zeros, and changes what it was given": "for a in args:\n    for b in a if isinstance(a, "
    "(list, tuple)) else [a]:\n        if isinstance(b, np.ndarray) and b.dtype.kind == 'f':\n"
    "            b.fill(0)\nreturn [np.zeros_like(a) for a in args if isinstance(a, np.ndarray)]",
    "zeros of one shape, and changes what it was given": "for a in args:\n"
    "    if isinstance(a, np.ndarray):\n        a.fill(0)\nreturn 0 * args[0]",
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_no_answer_and_no_point(name, body, tried):
    for answer, source in answers_of(name).items():
        functions = re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)
        text = BODIES[body].replace("\n", "\n    ")
        cheat = "\n\n\n".join(f"def {f}(*args, **options):\n    {text}" for f in functions)
        found = failing(tried(name).try_out(answer, cheat))
        assert list(found) == [f"test_{answer}"], (answer, found)


#: Objects that look like a trained network, or an honest one, and are none.
FAKE = """\
class Fake:
    def __init__(self, *args):
        self.args, self.kept = args, [np.random.normal(size=s) for s in self.shapes()]
    def get_weights(self):
        return self.kept
    def set_weights(self, weights):
        self.kept = weights
    @property
    def weights(self):
        return [type("W", (), {"shape": w.shape, "path": "", "dtype": ""}) for w in self.kept]
    def evaluate(self, x, y, verbose=0):
        return [0.001, 1.0]
"""
LOOKALIKES = {
    "nearest centre, in place of a network": ("01_mlp_classifier", "debug", """
    def shapes(self):
        return [(2, 16), (16,), (16, 4), (4,)]
    def __call__(self, x):
        points, y = self.args
        centres = np.stack([points[y[:, k] == 1].mean(axis=0) for k in range(y.shape[1])])
        return -10 * ((x[:, None] - centres) ** 2).sum(axis=2)
def train_mended(points, y):
    return Fake(points, y)"""),
    "a sum of places, in place of attention": ("05_transformer_text_classifier", "debug", """
    def shapes(self):
        words, length = self.args
        parts = [(16, 2, 8), (2, 8)] * 3 + [(2, 8, 16), (16,), (16, 32), (32,), (32, 1), (1,)]
        return [(words, 16), (length, 16), *parts]
    def __call__(self, x):
        return (x * np.arange(1, x.shape[1] + 1)).sum(axis=1, keepdims=True) / 10
def build_mended(words, length, d=16):
    return Fake(words, length)"""),
    "a running sum, in place of attention": ("08_gpt", "debug", """
    def shapes(self):
        words, length = self.args
        parts = [(32, 2, 16), (2, 16)] * 3 + [(2, 16, 32), (32,), (32, 64), (64,), (64, 32), (32,)]
        return [(words, 32), (length, 32), *parts, (32, words), (words,)]
    def __call__(self, x):
        return np.eye(self.args[0])[x].cumsum(axis=1)
def build_mended(words, length, d=32):
    return Fake(words, length)"""),
}  # fmt: skip


@pytest.mark.parametrize("cheat", LOOKALIKES)
def test_what_only_looks_like_a_network_gains_nothing(cheat, tried):
    name, answer, source = LOOKALIKES[cheat]
    assert list(failing(tried(name).try_out(answer, FAKE + source))) == [f"test_{answer}"]


#: What honest students do to Keras or to names, in a cell of their own, before their answer.
POLICY, FLOATX = "keras.mixed_precision.set_global_policy('{}')", "keras.config.set_floatx('{}')"
EAGER = "tf.config.run_functions_eagerly({})"
HELPERS = """\
def layer(x, w):
    return x @ w
def sum(a):
    return 3
wanted = ours = got = 7"""
OWN_CELLS = {
    "half precision": (POLICY.format("mixed_float16"), POLICY.format("float32")),
    "double precision": (FLOATX.format("float64"), FLOATX.format("float32")),
    "eager functions": (EAGER.format(True), EAGER.format(False)),
    "helpers of one's own": (HELPERS, "del layer, sum, wanted, ours, got"),
    "seeds": ("keras.utils.set_random_seed(7)\nnp.random.seed(7)", "pass"),
}


@pytest.mark.parametrize("own", OWN_CELLS)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "07_bert"])
def test_what_stands_in_own_cells_costs_no_points(name, own, tried):
    before, after = OWN_CELLS[own]
    for answer, source in answers_of(name).items():
        assert failing(tried(name).try_out(answer, source, before)) == {}
    tried(name).try_out("debug", answers_of(name)["debug"], after)

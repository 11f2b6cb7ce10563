import ast
import inspect
import re

import numpy as np
import pytest

from scripts import notebooks
from utils import ROOT, digests
from utils.recipes import load_recipe, recipe_cells

#: What a recipe's constants may be made with.
CONSTANT = re.compile(r"range|np\.arange|keras\.losses\.\w+")


def test_a_notebook_s_recipe_is_its_own_code():
    recipe = load_recipe("02_mnist_cnn")
    assert recipe.build_ours().count_params() == 99_018
    images = np.zeros((256, 28, 28, 1), "uint8")
    (pixels, labels), *rest = recipe.batches(images, np.zeros(256), seed=1)
    assert (pixels.shape, labels.shape, len(rest)) == ((128, 28, 28, 1), (128,), 1)


def test_augmentation_repeats_under_its_seed_and_differs_between_images():
    recipe = load_recipe("02_mnist_cnn")
    square = np.zeros((256, 28, 28, 1), "uint8")
    square[:, 8:20, 8:20] = 255

    def first_batch(seed):
        return next(iter(recipe.batches(square, np.zeros(256), seed)))[0].numpy()

    np.testing.assert_array_equal(first_batch(1), first_batch(1))
    assert np.abs(first_batch(1) - first_batch(2)).max() > 10
    assert np.abs(first_batch(1)[0] - first_batch(1)[1]).max() > 10


def test_the_source_of_a_recipe_can_be_looked_up():
    recipe = load_recipe("02_mnist_cnn")
    assert inspect.getsource(recipe.build_ours).startswith("def build_ours(")


def test_unknown_notebook_is_one_sentence():
    with pytest.raises(ValueError, match="no notebook 99_none.ipynb"):
        load_recipe("99_none")


def test_whatever_is_taken_from_a_recipe_is_defined_there():
    missing = [
        f"{file.relative_to(ROOT)}, line {line}: {notebook} has no {name}"
        for file, tree in sources()
        for notebook, name, line in digests.taken(tree)
        if name not in digests.definitions(notebook)
    ]
    assert missing == []


def sources():
    """(file, syntax tree) of all code that may take something from a recipe."""
    for folder in ("benchmarks", "scripts", "tests", "utils"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, ast.parse(file.read_text(encoding="utf-8"))
    for file in notebooks.notebook_paths():
        cells = [cell for cell in notebooks.read(file).cells if cell.cell_type == "code"]
        yield file, ast.parse("\n".join(cell.source for cell in cells))


def test_what_is_taken_from_a_recipe_is_found():
    code = """
def one():
    recipe = load_recipe("02_mnist_cnn")
    return recipe.build_ours().name, load_recipe("03_lstm_forecaster").level

class Two:
    def __init__(self):
        self.recipe = load_recipe("08_gpt")
"""
    within = "def three(two, recipe):\n    return two.recipe.OURS, recipe.GPT"
    assert sorted(digests.taken(ast.parse(code))) == [
        ("02_mnist_cnn", "build_ours", 4),
        ("03_lstm_forecaster", "level", 4),
    ]
    assert sorted(digests.taken(ast.parse(code[code.index("class") :] + within))) == [
        ("08_gpt", "GPT", 5),
        ("08_gpt", "OURS", 5),
    ]


def deeds(source):
    """The first line of each statement of a recipe that is neither import nor definition."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign | ast.AugAssign):
            inside = list(ast.walk(statement))
            stored = [n for n in inside if isinstance(getattr(n, "ctx", None), ast.Store)]
            named = all(getattr(n, "id", "A").isupper() for n in stored)
            calls = {ast.unparse(n.func) for n in inside if isinstance(n, ast.Call)}
            fine = named and all(map(CONSTANT.fullmatch, calls))
        elif isinstance(statement, ast.Expr):
            fine = ast.unparse(statement) == "load_tensorflow()"
        else:
            kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            fine = isinstance(statement, kinds)
        if not fine:
            yield ast.unparse(statement).splitlines()[0]


RECIPES = [p for p in notebooks.notebook_paths() if '"recipe"' in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_holds_imports_functions_classes_and_constants_only(path):
    assert [deed for source in recipe_cells(path.stem) for deed in deeds(source)] == []


@pytest.mark.parametrize(
    "source",
    [
        "model = build()",
        "MODEL = build()",
        "epochs = 4",
        "model.fit(x, y)",
        "HISTORY = model.fit(x, y)",
        "SETTINGS['epochs'] = f()",
        "for i in range(3):\n    f(i)",
        "if True:\n    import json",
    ],
)
def test_a_recipe_that_does_something_is_noticed(source):
    assert list(deeds(f"import json\n\n{source}")) == [source.splitlines()[0]]


def test_what_a_recipe_may_hold():
    source = """
load_tensorflow()
A, B = 1, {'x': 2}
B |= {'y': np.arange(3)}
LOSS = keras.losses.MeanSquaredError()
@f
class C:
    x = f()
"""
    assert list(deeds(source)) == []

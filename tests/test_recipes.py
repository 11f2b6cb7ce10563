import inspect
import json

import numpy as np
import pytest

from scripts.recipes import load_recipe
from scripts.setup_cell import ROOT


def test_a_notebook_s_recipe_is_its_own_code():
    recipe = load_recipe("02_mnist_cnn")
    assert recipe["build_ours"]().count_params() == 99_018
    images = np.zeros((256, 28, 28, 1), "uint8")
    (pixels, labels), *rest = recipe["batches"](images, np.zeros(256), seed=1)
    assert (pixels.shape, labels.shape, len(rest)) == ((128, 28, 28, 1), (128,), 1)


def test_augmentation_repeats_under_its_seed_and_differs_between_images():
    recipe = load_recipe("02_mnist_cnn")
    square = np.zeros((256, 28, 28, 1), "uint8")
    square[:, 8:20, 8:20] = 255

    def first_batch(seed):
        return next(iter(recipe["batches"](square, np.zeros(256), seed)))[0].numpy()

    np.testing.assert_array_equal(first_batch(1), first_batch(1))
    assert np.abs(first_batch(1) - first_batch(2)).max() > 10
    assert np.abs(first_batch(1)[0] - first_batch(1)[1]).max() > 10


def test_the_source_of_a_recipe_can_be_looked_up():
    recipe = load_recipe("02_mnist_cnn")
    assert inspect.getsource(recipe["build_ours"]).startswith("def build_ours(")


def test_unknown_notebook_is_one_sentence():
    with pytest.raises(ValueError, match="no notebook 99_none.ipynb"):
        load_recipe("99_none")


def test_the_readme_quotes_the_benchmark():
    runs = json.loads((ROOT / "benchmarks/results/mnist.json").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for results in runs.values():
        accuracy = np.median([run["accuracy"] for run in results.values()])
        assert f"{accuracy:.2%}".replace("%", " %") in readme

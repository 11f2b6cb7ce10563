"""Notebook 07's BERT agrees with KerasHub's, and would not if a part of it were wrong."""

import functools

import pytest

from scripts.references import bert, compare
from utils.quiet import load_tensorflow
from utils.recipes import load_recipe

load_tensorflow()

CONFIGURATIONS = bert.configurations(approximate=True)


@functools.cache
def keras_hub(number):
    """KerasHub's outputs in a configuration, and how far ours are from them."""
    weights, inputs, outputs = bert.ours(CONFIGURATIONS[number])
    expected = bert.keras_hub(CONFIGURATIONS[number], weights, inputs)
    return expected, difference(outputs, expected)


def difference(outputs, expected):
    """The largest one of those outputs that KerasHub has, too."""
    return compare.largest_difference({name: outputs[name] for name in expected}, expected)


@pytest.mark.parametrize("number", range(len(CONFIGURATIONS)))
def test_our_bert_is_keras_hub_s(number):
    assert keras_hub(number)[1] <= compare.LARGEST_DIFFERENCE


def wrong_blocks():
    """Blocks that are each wrong in one way, {name: what build_bert takes}."""
    recipe = load_recipe("07_bert")
    block, attention = recipe.Block, recipe.SelfAttention

    class PreNorm(block):
        def call(self, x, present):
            x = x + self.attend(self.norm_1(x), present)
            return x + self.feed_forward(self.norm_2(x))

    class Unmasked(attention):
        def call(self, x, present):
            return super().call(x, present | True)

    class WithoutMask(block):
        attention = Unmasked

    return {
        "GELU by erf": {"approximate": False},
        "pre-norm": {"block": PreNorm},
        "without mask": {"block": WithoutMask},
    }


@pytest.mark.parametrize("name", ["GELU by erf", "pre-norm", "without mask"])
def test_a_wrong_part_is_caught(name):
    """In configurations with padding, since without it a mask is not missed."""
    wrong = wrong_blocks()[name]
    padded = [i for i, c in enumerate(CONFIGURATIONS) if min(c["lengths"]) < max(c["lengths"])]
    padded.sort(key=lambda number: CONFIGURATIONS[number]["network"]["blocks"])  # quick ones first
    for number in padded[:5]:
        _, _, outputs = bert.ours(CONFIGURATIONS[number], **wrong)
        assert difference(outputs, keras_hub(number)[0]) > compare.LARGEST_DIFFERENCE


def test_weights_with_other_names_are_refused():
    model = load_recipe("07_bert").build_bert(20, 8, 1, 2, 16)
    with pytest.raises(ValueError, match="not in both.*pooler/bias"):
        weights = compare.random_weights(model, seed=1)
        del weights["pooler/bias"]
        compare.set_weights(model, weights)

"""Notebook 08's GPT agrees with KerasHub's, and would not if a part of it were wrong."""

import functools

import numpy as np
import pytest

from scripts.references import compare, gpt
from utils.quiet import load_tensorflow

load_tensorflow()

CONFIGURATIONS = gpt.configurations()


@functools.cache
def keras_hub(number):
    """KerasHub's outputs in a configuration, and how far ours are from them."""
    weights, inputs, outputs = gpt.ours(CONFIGURATIONS[number])
    expected = gpt.keras_hub(CONFIGURATIONS[number], weights, inputs)
    return expected, compare.largest_difference(outputs, expected)


@pytest.mark.parametrize("number", range(len(CONFIGURATIONS)))
def test_our_gpt_is_keras_hub_s(number):
    assert keras_hub(number)[1] <= compare.LARGEST_DIFFERENCE


def post_norm(model):
    def call(block, x):
        x = block.norm_1(x + block.attention(x)[0])
        return block.norm_2(x + block.feed_forward(x)), None

    for block in model.blocks:
        block.call = lambda x, cache=None, position=0, block=block: call(block, x)


def masked(diagonal):
    """What gives the model a mask that hides keys from this diagonal on."""

    def change(model):
        for block in model.blocks:
            shape = block.attention.allowed.shape
            block.attention.allowed = ~np.triu(np.ones(shape, bool), diagonal)

    return change


WRONG = {
    "GELU by erf": {"exact_gelu": True},
    "post-norm": {"change": post_norm},
    "no mask": {"change": masked(1000)},
    "mask off by one, ahead": {"change": masked(2)},
    "mask off by one, back": {"change": masked(0)},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_part_is_caught(name):
    for number, configuration in enumerate(CONFIGURATIONS[:5]):
        _, _, outputs = gpt.ours(configuration, **WRONG[name])
        difference = compare.largest_difference(outputs, keras_hub(number)[0])
        assert difference > compare.LARGEST_DIFFERENCE

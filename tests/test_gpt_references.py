"""Notebook 08's GPT agrees with KerasHub's, and would not if a part of it were wrong."""

import numpy as np
import pytest

from scripts.references import compare, gpt
from utils.quiet import load_tensorflow

load_tensorflow()

CONFIGURATIONS = gpt.configurations()


def difference(configuration, **wrong):
    """Between KerasHub's outputs and ours, in which something may be made wrong."""
    weights, inputs, outputs = gpt.ours(configuration, **wrong)
    expected = gpt.keras_hub(configuration, weights, inputs)
    return compare.largest_difference(outputs, expected)


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
def test_our_gpt_is_keras_hub_s(configuration):
    assert difference(configuration) <= compare.LARGEST_DIFFERENCE


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
    differences = [difference(configuration, **WRONG[name]) for configuration in CONFIGURATIONS[:5]]
    assert min(differences) > compare.LARGEST_DIFFERENCE

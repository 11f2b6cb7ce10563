"""Keras's optimizers and the gradients of an embedding: the fault, and its cure."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from utils.optimizers import dense_gradients

RATE = 0.1
MENDED = (
    "Keras has mended its optimizers for embeddings on TensorFlow: remove utils/optimizers.py, "
    "dense_gradients() wherever it is called, docs/keras-embedding-report.md, and this file."
)


def step(optimizer, jit_compile=False):
    """How far one step moves a token's weight, whose three occurrences have gradients 1, -1, 1."""
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(2, 1, "zeros")])

    def loss(signs, outputs):
        return ops.sum(signs * outputs, axis=(1, 2))

    model.compile(optimizer, loss, jit_compile=jit_compile)
    model.train_on_batch(np.array([[0, 0, 0]]), np.array([[[1.0], [-1.0], [1.0]]], "float32"))
    return float(model.get_weights()[0][0, 0])


def test_keras_squares_the_gradient_of_each_occurrence():
    moved = step(keras.optimizers.Adam(RATE))
    assert moved != pytest.approx(-RATE, rel=1e-3), MENDED
    assert moved == pytest.approx(-RATE / 3**0.5, rel=1e-3)


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm"])
def test_keras_takes_the_norm_over_occurrences(option):
    moved = step(keras.optimizers.SGD(RATE, **{option: 0.5}))
    assert moved != pytest.approx(-RATE / 2, rel=1e-3), MENDED
    assert moved == pytest.approx(-RATE / 2 / 3**0.5, rel=1e-3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_with_dense_gradients_a_step_is_right(jit_compile):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = step(dense_gradients(keras.optimizers.Adam(RATE)), jit_compile)
        assert moved == pytest.approx(-RATE, rel=1e-3)
        clipped = step(dense_gradients(keras.optimizers.SGD(RATE, clipnorm=0.5)), jit_compile)
        assert clipped == pytest.approx(-RATE / 2, rel=1e-3)


def test_dense_gradients_train_as_a_product_with_one_hot_rows_does():
    tokens = np.random.default_rng(0).integers(0, 7, (16, 5))
    targets = np.random.default_rng(1).normal(size=(16, 5, 4)).astype("float32")
    table = np.random.default_rng(2).normal(size=(7, 4)).astype("float32")

    def trained(model, optimizer, inputs):
        model.set_weights([table])
        model.compile(optimizer, "mse")
        for _ in range(5):
            model.train_on_batch(inputs, targets)
        return model.get_weights()[0]

    lookup = keras.Sequential([keras.Input((5,), dtype="int32"), layers.Embedding(7, 4)])
    product = keras.Sequential([keras.Input((5, 7)), layers.Dense(4, use_bias=False)])
    rows = np.eye(7, dtype="float32")[tokens]
    expected = trained(product, keras.optimizers.AdamW(0.01), rows)
    ours = trained(lookup, dense_gradients(keras.optimizers.AdamW(0.01)), tokens)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_an_optimizer_with_dense_gradients_is_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(2, 1)])
    model.compile(dense_gradients(keras.optimizers.Adam(RATE)), "mse")
    model.train_on_batch(np.zeros((4, 3)), np.ones((4, 3, 1)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.iterations == 1
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])

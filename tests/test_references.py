"""What `make references` shares between its families."""

import hashlib
import json

import numpy as np
import pytest

from scripts.references import bert, compare, gpt
from utils import ROOT, checksums


def test_storing_twice_gives_the_same_bytes_and_one_checksum(tmp_path):
    others = {"a/1": "0" * 64, "z/1": "0" * 64}
    checksums.write(tmp_path, others)
    for number in (1, 2, 2):
        arrays = {"x": np.full(3, number)}
        path = compare.store("toy", {"width": 3}, arrays, arrays, arrays, tmp_path)
    first = path.read_bytes()
    compare.store("toy", {"width": 3}, arrays, arrays, arrays, tmp_path)
    assert path.read_bytes() == first
    added = {"references/toy.npz": hashlib.sha256(first).hexdigest()}
    assert checksums.read(tmp_path) == others | added


def test_largest_difference_is_a_share_of_the_largest_output():
    ones, tens = np.ones(4), np.full((2, 2), 10.0)
    outputs = {"a": ones + [0, 0.5, 0, 0], "b": tens + 1}
    assert compare.largest_difference(outputs, {"a": ones, "b": tens}) == pytest.approx(0.5)
    with pytest.raises(AssertionError):
        compare.largest_difference(outputs, {"a": ones})


def test_stored_references_are_small_and_listed():
    listed = checksums.read(ROOT / "data")
    for path in (ROOT / "data/references").glob("*.npz"):
        assert path.stat().st_size < 1e6
        assert path.relative_to(ROOT / "data").as_posix() in listed


@pytest.mark.parametrize("family", [bert, gpt], ids=lambda family: family.NAME)
def test_the_stored_reference_is_ours(family):
    """data/references/, which `make references` writes with Hugging Face's models."""
    stored = np.load(ROOT / f"data/references/{family.NAME}.npz")
    assert json.loads(str(stored["configuration"])) == family.STORED
    weights, inputs, outputs = family.ours(family.STORED)
    for name, values in weights.items():
        np.testing.assert_array_equal(stored[f"weights/{name}"], values)
    expected = {name: stored[f"outputs/{name}"] for name in outputs}
    assert compare.largest_difference(outputs, expected) <= compare.LARGEST_DIFFERENCE

"""Compare a family of our models with Hugging Face's, and store one small comparison."""

import json
import sys
from pathlib import Path

import numpy as np

from utils import ROOT, checksums

FOLDER = Path("references")
LARGEST_DIFFERENCE = 1e-4


def random_weights(model, seed):
    """Random weights for a Keras model, {variable's path: array}.

    They are large, of a standard deviation of 0.25 (scales of normalisations: 1 ± 0.2): with the
    0.02 of fresh weights, a network with a wrong activation hardly differs from a right one.
    """
    generator = np.random.default_rng(seed)
    weights = {}
    for variable in model.weights:
        values = generator.normal(size=variable.shape).astype("float32")
        is_scale = variable.path.endswith("/gamma")
        weights[variable.path] = 1 + np.float32(0.2) * values if is_scale else 0.25 * values
    return {path: values.astype("float32") for path, values in weights.items()}


def set_weights(model, weights):
    """Give a Keras model the weights, by the paths of its variables.

    Raises:
        ValueError: The model's variables are not those that have weights.
    """
    variables = {variable.path: variable for variable in model.weights}
    if variables.keys() != weights.keys():
        raise ValueError(f"not in both: {sorted(variables.keys() ^ weights.keys())}")
    for path, variable in variables.items():
        variable.assign(weights[path])


def largest_difference(outputs, expected):
    """The largest difference of two dicts of arrays, as a share of the largest output."""
    assert outputs.keys() == expected.keys()
    return max(
        np.abs(outputs[name] - expected[name]).max() / np.abs(expected[name]).max()
        for name in expected
    )


def store(name, configuration, weights, inputs, outputs, folder=ROOT / "data"):
    """Write data/references/NAME.npz: the same bytes for the same arrays."""
    path = folder / FOLDER / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"weights": weights, "inputs": inputs, "outputs": outputs}
    arrays = {f"{kind}/{key}": value for kind, d in named.items() for key, value in d.items()}
    np.savez(path, configuration=np.array(json.dumps(configuration)), **arrays)
    checksums.update(folder, [path.relative_to(folder).as_posix()])
    return path


def compare(family):
    """Our model and Hugging Face's on all configurations of a family; store the small one."""
    differences = []
    for configuration in family.configurations():
        weights, inputs, outputs = family.ours(configuration)
        expected = family.hugging_face(configuration, weights, inputs)
        differences.append(largest_difference(outputs, expected))
    worst = max(differences)
    print(f"{family.NAME}: {len(differences)} configurations, largest difference {worst:.1e}")
    if not worst <= LARGEST_DIFFERENCE:
        sys.exit(f"{family.NAME} is not what Hugging Face has: {worst:.1e} of the largest output.")
    weights, inputs, _ = family.ours(family.STORED)
    expected = family.hugging_face(family.STORED, weights, inputs)
    path = store(family.NAME, family.STORED, weights, inputs, expected)
    print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1000:.0f} kB")

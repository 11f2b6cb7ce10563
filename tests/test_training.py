import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from utils import training


def test_seed_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("SEED", "7")
    assert training.set_seed() == 7
    first = np.random.rand(), float(keras.random.normal(()))
    training.set_seed()
    assert (np.random.rand(), float(keras.random.normal(()))) == first
    monkeypatch.delenv("SEED")
    assert training.set_seed() == training.DEFAULT_SEED


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", str(2**32)])
def test_a_mistyped_seed_is_one_sentence(monkeypatch, text):
    monkeypatch.setenv("SEED", text)
    with pytest.raises(ValueError, match="whole number from 0 to 4294967295"):
        training.set_seed()


def fitted(progress, epochs):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 1)), np.ones(4), epochs=epochs, verbose=0, callbacks=[progress])


def test_progress_prints_a_line_an_epoch_outside_jupyter(capsys):
    fitted(training.Progress(), 3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "loss"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3", "3"]
    assert lines[-1].startswith("3 epochs in ")


def test_progress_updates_one_output_in_jupyter(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda bundle, raw: shown.append(bundle["text/plain"]))
    monkeypatch.setattr(training, "_in_jupyter", lambda: True)
    monkeypatch.setattr(training, "display", lambda *_, **__: handle)
    fitted(training.Progress(rows=3), 9)
    epochs = [line.split()[0] for line in shown[-1].splitlines()[1:-1]]
    assert epochs == ["3", "6", "9"]
    assert shown[-1].splitlines()[-1].startswith("9 epochs in ")


def test_utils_import_without_the_slow_packages():
    code = (
        "import sys; from utils import checks, datasets, figures; "
        "print({'tensorflow', 'keras', 'tensorflow_datasets', 'sklearn'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"

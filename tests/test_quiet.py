"""Tests of utils/quiet.py."""

import os
import re
import subprocess
import sys

import pytest

from utils import quiet

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def python(code, **options):
    """Run code in a fresh Python at the course's root."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


def test_silences_the_descriptor_and_restores_it(capfd):
    with quiet.silent_stderr():
        os.write(2, b"noise")
    os.write(2, b"signal")
    assert capfd.readouterr().err == "signal"


def test_exceptions_surface_and_the_descriptor_is_restored(capfd):
    with pytest.raises(ZeroDivisionError), quiet.silent_stderr():
        1 / 0  # noqa: B018
    os.write(2, b"signal")
    assert capfd.readouterr().err == "signal"


def test_works_without_standard_error():
    code = "import os; os.close(2)\nfrom utils.quiet import silent_stderr\n"
    code += "with silent_stderr():\n    print('inside')\nprint('after')"
    assert python(code).stdout.split() == ["inside", "after"]


def test_loads_tensorflow_in_silence():
    code = "from utils.quiet import load_tensorflow\nload_tensorflow()\n"
    code += "import tensorflow\nprint(int(tensorflow.constant(1) + 1))"
    result = python(code)
    assert (result.stdout, result.stderr) == ("2\n", "")


SETTINGS = """
import json, os
from utils.quiet import load_tensorflow
load_tensorflow()
import keras
c = keras.config
print(c.backend(), c.image_data_format(), c.floatx(), c.epsilon(), os.environ["KERAS_HOME"])
images = keras.ops.ones((8, 6, 6, 1))
model = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile(loss="mse")
history = model.fit(images, keras.ops.ones(8), batch_size=4, epochs=2, verbose=0)
print(len(history.history["loss"]), int(model.optimizer.iterations))
"""


@pytest.mark.parametrize(
    "settings",
    [
        '{"image_data_format": "channels_first", "floatx": "float64", "epsilon": 0.1}',
        '{"backend": "theano", "floatx": "half"}',
    ],
)
def test_the_readers_settings_do_not_count(settings, tmp_path):
    """Nor do limits set in the environment, nor a home that cannot be written."""
    (tmp_path / "keras.json").write_text(settings)
    reader = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax", "HOME": "/proc/none"}
    reader |= {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    result = python(SETTINGS, env=os.environ | reader)
    assert result.stderr == ""
    assert result.stdout == f"tensorflow channels_last float32 1e-07 {tmp_path}\n2 4\n"
    assert (tmp_path / "keras.json").read_text() == settings


WITHOUT_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None\nfrom utils import quiet\n"


def test_a_missing_package_ends_in_one_sentence():
    result = python(WITHOUT_TENSORFLOW + "quiet.load_tensorflow()")
    assert re.fullmatch(r"The package tensorflow is not installed .*make lab.*\n", result.stderr)


def test_a_python_without_tensorflow_ends_in_one_sentence():
    code = WITHOUT_TENSORFLOW + "quiet.PYTHONS = (3, 2), (3, 3)\nquiet.load_tensorflow()"
    assert re.fullmatch(r"This is Python .* use Python 3.2 to 3.3, .*\n", python(code).stderr)


def test_another_import_error_surfaces(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('a broken library')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "from utils.quiet import load_tensorflow\nload_tensorflow()"
    assert "ImportError: a broken library" in python(code).stderr

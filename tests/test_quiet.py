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

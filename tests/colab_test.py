"""Run every notebook as Google Colab would, with Colab's versions.

python tests/colab_test.py [folder]         NB=06 for the notebook and solutions of that number

Makes a virtual environment in `folder` (build/colab-venv by default) from
tests/colab-requirements.txt, unless it is there already, and runs tests/test_colab.py with it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tests" / "colab-requirements.txt"
PYTHON_VERSION = "3.13"


def find_python() -> str | None:
    """A Python of Colab's version: on PATH, or installed by pyenv or uv."""
    name = f"python{PYTHON_VERSION}"
    candidates = [shutil.which(name), *_in_home(f".pyenv/versions/{PYTHON_VERSION}*/bin/{name}")]
    candidates += _in_home(f".local/share/uv/python/*-{PYTHON_VERSION}*/bin/{name}")
    for candidate in filter(None, candidates):  # pyenv's shims exist for versions not chosen
        if subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return candidate
    return None


def _in_home(pattern: str) -> list[str]:
    return [str(path) for path in sorted(Path.home().glob(pattern))]


def make_environment(folder: Path) -> Path:
    """The Python of the environment in `folder`, made unless its requirements are the same."""
    python, stamp = folder / "bin" / "python", folder / "colab-requirements.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    base = find_python()
    if base is None:
        sys.exit(f"Colab's Python, {PYTHON_VERSION}, is not on PATH: install it and try again.")
    subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS], check=True)
    shutil.copy(REQUIREMENTS, stamp)
    return python


def main(arguments: list[str]) -> int:
    """Make the environment and run the Colab tests in full."""
    folder = Path(arguments[0] if arguments else ROOT / "build" / "colab-venv").resolve()
    environment = os.environ | {"COLAB_PYTHON": str(make_environment(folder)), "COLAB_FULL": "1"}
    command = [sys.executable, "-m", "pytest", "-v", str(ROOT / "tests" / "test_colab.py")]
    if prefix := os.environ.get("NB"):
        command += ["-k", prefix]
    return subprocess.run(command, env=environment, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

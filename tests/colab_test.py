"""Run every notebook as Google Colab would, with Colab's versions.

python -m tests.colab_test [folder]         NB=06 for the notebook and solutions of that number

Makes a virtual environment in `folder` (build/colab by default) of tests/colab-requirements.txt,
unless it is there already, and runs tests/test_colab.py with it.
"""

import os
import subprocess
import sys
from pathlib import Path

from scripts.environment import SetupError, make
from utils import ROOT

REQUIREMENTS = "tests/colab-requirements.txt"
PYTHON_VERSION = "3.13"


def main(arguments: list[str]) -> int:
    """Make the environment and run the Colab tests in full."""
    folder = Path(arguments[0] if arguments else ROOT / "build" / "colab").resolve()
    try:
        python = make(folder, [REQUIREMENTS], [PYTHON_VERSION])
    except SetupError as error:
        sys.exit(f"Colab's environment cannot be made: {error}.")
    environment = os.environ | {"COLAB_PYTHON": str(python), "COLAB_FULL": "1"}
    command = [sys.executable, "-m", "pytest", "-v", str(ROOT / "tests" / "test_colab.py")]
    if prefix := os.environ.get("NB"):
        command += ["-k", prefix]
    return subprocess.run(command, env=environment, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Compare our BERT and GPT with Hugging Face's, and store small references for the notebooks.

python -m scripts.references

PyTorch is no dependency of the course: this makes an environment of its own for it, in
build/references, of what maintainers have and PyTorch.
"""

import os
import subprocess
import sys

from scripts.environment import SetupError, make
from utils import ROOT

REQUIREMENTS = "requirements.lock", "requirements-dev.lock", "scripts/references/requirements.txt"


def main():
    """Compare both families, in the environment that has PyTorch."""
    if "--inside" not in sys.argv:
        try:
            python = make(ROOT / "build" / "references", REQUIREMENTS)
        except SetupError as error:
            sys.exit(f"The environment with PyTorch cannot be made: {error}.")
        command = [python, "-m", "scripts.references", "--inside"]
        sys.exit(subprocess.run(command, cwd=ROOT).returncode)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from scripts.references import bert, gpt
    from scripts.references.compare import compare

    for family in (bert, gpt):
        compare(family)


if __name__ == "__main__":
    main()

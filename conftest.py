"""Makes a bare `pytest --nbval notebooks/` right, from any folder."""

import os
from pathlib import Path

from scripts.notebooks import CELL_TIMEOUT, KERNEL_ENVIRONMENT

SANITIZE = Path(__file__).parent / "tests" / "nbval_sanitize.cfg"


def pytest_configure(config):
    """Give notebooks the environment in which they are stored, and this Python's kernel."""
    os.environ.update(KERNEL_ENVIRONMENT)
    os.environ.pop("PYTHONWARNINGS", None)
    option = config.option
    option.nbval_current_env = not option.nbval_kernel_name
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(SANITIZE)
    if option.nbval_cell_timeout == 2000:  # nbval's default: a dead kernel would wait so long
        option.nbval_cell_timeout = CELL_TIMEOUT
    if getattr(option, "dist", "no") == "load":  # would split a notebook's cells over workers
        option.dist = "loadfile"

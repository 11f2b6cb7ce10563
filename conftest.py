"""Makes a bare `pytest --nbval notebooks/` right, from any folder and whatever else is set."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # some import modes leave it out

from scripts.notebooks import CELL_TIMEOUT, KERNEL_ENVIRONMENT, UNWANTED  # noqa: E402

SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"


def pytest_configure(config):
    """Give notebooks the environment in which they are stored, and this Python's kernel."""
    os.environ.update(KERNEL_ENVIRONMENT)
    for name in UNWANTED:
        os.environ.pop(name, None)
    if not config.pluginmanager.hasplugin("nbval"):
        return
    option = config.option
    option.nbval_current_env = not option.nbval_kernel_name
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(SANITIZE)
    if option.nbval_cell_timeout == 2000:  # nbval's default: a dead kernel would wait so long
        option.nbval_cell_timeout = CELL_TIMEOUT
    if getattr(option, "dist", "no") in ("load", "loadgroup", "worksteal"):
        option.dist = "loadfile"  # those would split a notebook's cells over workers
    if option.nbval or option.nbval_lax:
        _own_folders(config)


def _own_folders(config):
    """Keep kernels from the user's IPython profile, and from a home that cannot be written."""
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist has its parent's
        return
    folder = tempfile.mkdtemp()
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = folder
    import matplotlib

    matplotlib.get_configdir()  # sets MPLCONFIGDIR where it cannot write, and says so once, here
    matplotlib.get_cachedir()


def pytest_collectstart(collector):
    """Compare an animation's text, not its bytes, as nbval does with other pictures."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/gif",)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """Run a notebook's cells in order and from the first, whatever was shuffled or left out."""
    yield
    notebooks = {}
    for item in items:
        if hasattr(item, "cell_num"):
            notebooks.setdefault(item.parent, []).append(item.cell_num)
    ordered = []
    for item in items:
        if not hasattr(item, "cell_num"):
            ordered.append(item)
        elif numbers := notebooks.pop(item.parent, None):
            ordered += [cell for cell in item.parent.collect() if cell.cell_num <= max(numbers)]
    items[:] = ordered

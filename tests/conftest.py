import shutil

import pytest
from sample_notebooks import a_notebook

from scripts import notebooks
from scripts.setup_cell import ROOT


@pytest.fixture
def course(tmp_path):
    """A course of one notebook with solutions, not yet run."""
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    shutil.copytree(ROOT / "utils", tmp_path / "utils")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("01_first.ipynb", "solutions/01_first.ipynb"):
        (tmp_path / "notebooks" / name).write_text(notebooks.dumps(a_notebook()))
    return tmp_path

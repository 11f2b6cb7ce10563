"""Lets the classroom's tests import what lies beside them, and shares them out over the cores."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadscope` an assignment's tests stay together, and those of any other file.

    (pytest-xdist's own groups, `--dist loadgroup`, are not heeded under pytest 9.2.)
    """
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByAssignment(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            name = re.search(r"\[(\d\d_[a-z_]+)", test) if "test_assignments" in file else None
            return name[1] if name else file

    return ByAssignment(config, log)

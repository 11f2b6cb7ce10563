"""Lets the classroom's tests import what lies beside them, and shares them out over the cores."""

import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from classroom import sandbox  # noqa: E402

#: Set where a test that needs isolation must fail, rather than be skipped, when there is none.
REQUIRED = bool(os.environ.get("COURSE_REQUIRE_ISOLATION"))
#: Marks a test that would reach the tester's own files where nothing is isolated.
needs_isolation = pytest.mark.skipif(
    not REQUIRED and bool(sandbox.why_not()), reason=f"needs isolation: {sandbox.why_not()}"
)


@pytest.fixture(autouse=True, scope="session")
def _isolation_where_it_is_required():
    """End a run that would run hostile code unisolated, though it must not be skipped."""
    if REQUIRED and sandbox.why_not():
        pytest.exit(f"COURSE_REQUIRE_ISOLATION is set: {sandbox.why_not()}", returncode=1)


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

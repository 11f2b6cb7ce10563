"""Where submissions cannot be kept apart, nothing is graded, and what helps is said."""

import os
import subprocess
import sys

import pytest

from classroom import sandbox, seccomp
from conftest import needs_isolation


@pytest.fixture
def anew(monkeypatch):
    """why_not tries again, now and after the test."""
    sandbox.why_not.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    sandbox.why_not.cache_clear()


def test_without_bubblewrap_it_is_refused(anew):
    anew.setenv("PATH", "/nowhere")
    with pytest.raises(sandbox.Refused, match=r"not installed: sudo apt install bubblewrap"):
        sandbox.choose()
    assert sandbox.choose("none") is False
    assert "ISOLATION=none" in sandbox.sentence(False)


@pytest.mark.parametrize(
    ("says", "settings", "mend"),
    [
        ("bwrap: setting up uid map: Permission denied",
         {"kernel/apparmor_restrict_unprivileged_userns": "1"},
         "grade as root, or allow .*sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: No permissions to create new namespace", {"kernel/unprivileged_userns_clone": "0"},
         "sysctl kernel.unprivileged_userns_clone=1"),
        ("bwrap: Creating new namespace failed", {"user/max_user_namespaces": "0"},
         "sysctl user.max_user_namespaces"),
        ("bwrap: Can't mount proc", {}, "Can't mount proc.*--privileged"),
        ("bwrap: Unknown option --size", {}, "too old"),
    ],
)  # fmt: skip
def test_what_a_system_forbids_is_said_with_what_helps(anew, tmp_path, says, settings, mend):
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    bwrap.chmod(0o755)
    anew.setenv("PATH", str(tmp_path))
    anew.setattr(sandbox, "_setting", lambda name: settings.get(name, ""))
    with pytest.raises(sandbox.Refused, match=mend):
        sandbox.choose()


def test_without_libseccomp_it_is_refused(anew):
    def missing(*_, **__):
        raise OSError("libseccomp.so.2: cannot open shared object file")

    anew.setattr(seccomp.ctypes, "CDLL", missing)
    with pytest.raises(sandbox.Refused, match="libseccomp.so.2: cannot open"):
        sandbox.choose()


def test_a_word_that_is_not_known_is_refused():
    with pytest.raises(sandbox.Refused, match="ISOLATION=nne is not known"):
        sandbox.choose("nne")


@needs_isolation
def test_a_python_started_by_a_crooked_path_is_isolated():
    crooked = os.path.relpath(sys.executable, sandbox.COURSE)  # Python keeps its ".."
    code = "from classroom import sandbox; print([sandbox.why_not()])"
    done = subprocess.run([crooked, "-c", code], cwd=sandbox.COURSE, capture_output=True, text=True)
    assert done.stdout == "['']\n", done.stderr

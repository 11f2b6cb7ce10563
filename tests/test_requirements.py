"""The requirements files, the lock, environment.yml and the Makefile agree."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    lines = (line.split("#")[0].strip() for line in lines)
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins(lock="requirements.lock"):
    """The lock as {name: [(version, marker, number of hashes)]}."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if not line.startswith((" ", "#")):
            requirement = Requirement(line.split("--hash")[0].strip())
            (version,) = requirement.specifier
            assert version.operator == "=="
            name = canonicalize_name(requirement.name)
            entry = version.version, str(requirement.marker or ""), line.count("--hash=sha256:")
            found.setdefault(name, []).append(entry)
    return found


DIRECT = requirements("requirements.txt") + requirements("requirements-dev.txt")


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_the_lock_pins_each_direct_dependency_within_its_range(requirement):
    for version, _, _ in pins()[canonicalize_name(requirement.name)]:
        assert requirement.specifier.contains(version)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-classroom.lock"])
def test_each_pin_has_hashes(lock):
    assert all(hashes for entries in pins(lock).values() for _, _, hashes in entries)


def test_the_classroom_has_what_the_course_has_and_nbgrader_besides():
    course, classroom = pins(), pins("requirements-classroom.lock")
    shared = course.keys() & classroom.keys()
    assert {name: classroom[name] for name in shared} == {name: course[name] for name in shared}
    for requirement in requirements("requirements-classroom.txt"):
        for version, _, _ in classroom[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version)
    assert "nbgrader" not in course and "distributed" not in course


def test_the_lock_serves_three_platforms():
    """Packages that only Windows, macOS or Linux needs are in it, with hashes for all three."""
    markers = " ".join(marker for entries in pins().values() for _, marker, _ in entries)
    for platform in ("win32", "darwin", "linux"):
        assert f'sys_platform == "{platform}"' in markers
    assert pins()["tensorflow"][0][2] > 9


def test_a_learner_is_asked_for_no_more_than_the_notebooks_import():
    learner = {canonicalize_name(r.name) for r in requirements("requirements.txt")}
    assert learner == {
        *("jupyter", "keras", "matplotlib", "nbval"),
        *("scikit-learn", "tensorflow", "tensorflow-datasets"),
    }


def test_colab_ships_what_the_ranges_allow():
    colab = {r.name: r.specifier for r in requirements("tests/colab-requirements.txt")}
    for requirement in requirements("requirements.txt"):
        if requirement.name in colab:
            (version,) = colab[requirement.name]
            assert requirement.specifier.contains(version.version), requirement


def test_conda_and_make_name_the_same_pythons():
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.search(r"python>=3\.11,<3\.14$", conda, re.MULTILINE)
    assert "-r requirements.lock" in conda
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info < (3, 14)" in make
    assert "--require-hashes -r $(2)" in make and "install,.venv,requirements.lock)" in make
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Python 3.11, 3.12 or 3.13" in readme
    assert "--require-hashes -r requirements.lock" in readme

"""What is installed: the requirements files and their locks agree, and so do all who name them.

The Python versions stand in pyproject.toml, the course's folder in utils, the notebooks on disk.
"""

import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.environment import python_versions
from scripts.notebooks import notebook_paths
from utils import ROOT, quiet

LEARNERS, MAINTAINERS = "requirements.lock", "requirements-dev.lock"
CLASSROOM = "requirements-classroom.lock"
#: Each lock with the file whose ranges it pins and the lock whose versions it shares.
LOCKS = {
    LEARNERS: ("requirements.txt", None),
    MAINTAINERS: ("requirements-dev.txt", LEARNERS),
    CLASSROOM: ("requirements-classroom.txt", MAINTAINERS),
}


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    lines = (line.split("#")[0].strip() for line in lines)
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins(lock=LEARNERS):
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


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_each_direct_dependency_within_its_range_and_with_hashes(lock):
    pinned = pins(lock)
    assert all(hashes for entries in pinned.values() for _, _, hashes in entries)
    for requirement in requirements("requirements.txt") + requirements(LOCKS[lock][0]):
        for version, _, _ in pinned[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("lock", [MAINTAINERS, CLASSROOM])
def test_a_lock_has_the_versions_of_the_one_that_it_builds_on(lock):
    below, above = pins(LOCKS[lock][1]), pins(lock)
    shared = below.keys() & above.keys()
    assert {name: above[name] for name in shared} == {name: below[name] for name in shared}
    assert pins(LEARNERS).keys() <= above.keys()


def test_learners_install_nothing_that_only_others_need():
    others = "keras-hub nbgrader distributed playwright pytest-xdist ruff tensorflow-text uv"
    assert not pins(LEARNERS).keys() & set(others.split())
    assert not pins(MAINTAINERS).keys() & {"nbgrader", "distributed"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock):
    assert not re.search(r"://|^-", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)


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


# What stands once


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_sentence_that_names_the_pythons_names_those_of_pyproject():
    versions = python_versions()[::-1]
    listed = f"Python {', '.join(versions[:-1])} or {versions[-1]}"
    for name in ("README.md", "docs/teaching.md"):
        assert listed in text_of(name), name
    first, last = (tuple(map(int, version.split("."))) for version in (versions[0], versions[-1]))
    assert quiet.PYTHONS == (first, last)


def test_the_workflows_run_in_each_of_these_pythons():
    jobs = yaml.safe_load(text_of(".github/workflows/tests.yml"))["jobs"]
    matrix = jobs["unit"]["strategy"]["matrix"]
    assert matrix["python"] == python_versions()[::-1] and len(matrix["os"]) == 3


def test_the_version_is_that_of_the_citation_and_in_the_changelog():
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["version"] == version
    assert f"## {version} ({citation['date-released']})" in text_of("CHANGELOG.md")


def test_conda_and_binder_have_one_of_these_pythons_and_the_learners_lock():
    dependencies = yaml.safe_load(text_of("environment.yml"))["dependencies"]
    (python,) = (d for d in dependencies if isinstance(d, str) and d.startswith("python"))
    assert re.fullmatch(r"python=(3\.\d+)", python)[1] in python_versions()
    assert dependencies[-1] == {"pip": [f"-r {LEARNERS}"]}


def test_readers_without_make_get_the_learners_lock():
    lines = [line.strip() for line in text_of("README.md").splitlines() if "pip install" in line]
    assert lines == [f".venv/bin/pip install --require-hashes -r {LEARNERS}"]


def tracked(*patterns):
    """The repository's files as {name: text}; none where it was fetched without git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    return {name: text_of(name) for name in names if name and (ROOT / name).is_file()}


@pytest.mark.parametrize(
    "folder", ["utils", "scripts", "scripts/references", "benchmarks", "tests"]
)
def test_a_folder_s_init_names_what_is_in_it(folder):
    contents = (path for path in (ROOT / folder).glob("[!_]*") if path.suffix in ("", ".py"))
    names = [path.name for path in contents if path.is_file() or any(path.glob("*.py"))]
    said = text_of(f"{folder}/__init__.py")
    unnamed = [name for name in names if name not in said and not name.startswith("test_")]
    assert unnamed == []


def test_the_course_s_folder_is_worked_out_once():
    alone = re.compile(r"Path\(__file__\)\.resolve\(\)\.parent(?:\.parent|s\[)")
    python = tracked("*.py", ":!classroom", ":!tests/classroom")  # run in a sandbox, apart
    found = {name for name, text in python.items() if alone.search(text)}
    assert found == {"utils/__init__.py"}


NUMBERS = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
NUMBERS = [*NUMBERS.split(), "sixteen"]
COUNTED = re.compile(rf"\b(\d+|{'|'.join(NUMBERS)}) (notebooks|datasets|assignments)\b", re.I)


def test_prose_counts_notebooks_and_assignments_right():
    """A count is a word of its own: "eight assignments", "the eight notebooks"."""
    counts = {
        "notebooks": {len(notebook_paths()), len(list((ROOT / "notebooks").glob("*.ipynb")))},
        "assignments": {len(list((ROOT / "assignments/source").glob("*/")))},
        "datasets": {len(list((ROOT / "data").glob("*/*/dataset_info.json")))},
    }
    for name, text in tracked("*.md").items():
        for number, what in COUNTED.findall(text):
            number = number.lower()
            value = NUMBERS.index(number) + 2 if number in NUMBERS else int(number)
            assert value in counts[what.lower()], f"{name}: {number} {what}"

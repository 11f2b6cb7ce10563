"""The set-up cell finds the course or fetches it, on any machine, or ends in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.setup_cell import Address, source

GITHUB, MIRROR = "https://github.com/me/course.git", "https://git.example.org/me/course.git"
ADDRESS = Address("me/course", "main", MIRROR)
WHERE = "\nprint(course)\nprint(os.getcwd())"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


class Machine:
    """An empty folder to run the set-up cell in, and a git that reaches chosen addresses only."""

    def __init__(self, folder):
        self.here = folder / "here"
        self.here.mkdir()
        self.course = folder / "published"
        make_course(self.course)
        self.config = folder / "gitconfig"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") and name != "JPY_SESSION_NAME"
        } | {"GIT_CONFIG_GLOBAL": str(self.config), "GIT_CONFIG_NOSYSTEM": "1"}
        self.redirect({GITHUB: self.course, MIRROR: self.course})

    def redirect(self, targets):
        """Lead each address to a folder, and every other request nowhere."""
        lines = [f'[url "file://{path}"]\n    insteadOf = {url}' for url, path in targets.items()]
        nowhere = '[url "file:///nowhere/"]\n    insteadOf = https://'
        self.config.write_text("\n".join([*lines, nowhere]))

    def run(self, address=ADDRESS, before="", folder=None, **environment):
        """The course's folder and the working folder after the cell, or the sentence it ends in."""
        result = subprocess.run(
            [sys.executable, "-c", before + source(address) + WHERE],
            cwd=folder or self.here,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        if result.returncode == 0:
            assert result.stderr == ""
            return [Path(line) for line in result.stdout.splitlines()]
        assert "Traceback" not in result.stderr
        (sentence,) = result.stderr.splitlines()
        return sentence


def make_course(folder):
    """A repository with what the set-up cell looks for."""
    for name in ("utils/quiet.py", "notebooks/01.ipynb"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "--message=published"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_course_is_fetched_once_and_found_again(machine):
    course = machine.here / "course"
    assert machine.run() == [course, course / "notebooks"]
    assert names(machine.here) == ["course"]
    machine.redirect({})
    assert machine.run() == [course, course / "notebooks"]
    assert machine.run(folder=course / "notebooks") == [course, course / "notebooks"]


def test_the_mirror_is_asked_where_github_does_not_answer(machine):
    machine.redirect({MIRROR: machine.course})
    assert machine.run() == [machine.here / "course", machine.here / "course" / "notebooks"]
    assert names(machine.here) == ["course"]


def test_without_a_network_each_address_is_named_and_nothing_left(machine):
    machine.redirect({})
    sentence = machine.run()
    assert f"git could not fetch the course from {GITHUB} ('/nowhere/" in sentence
    assert f" or {MIRROR} ('/nowhere/" in sentence
    assert names(machine.here) == []


def test_a_branch_that_is_not_there_is_named(machine):
    assert "Remote branch autumn not found" in machine.run(Address("me/course", "autumn"))


def test_half_a_clone_left_over_is_not_in_the_way(machine):
    left = machine.here / "course"
    (left / ".git").mkdir(parents=True)
    (left / "notes.txt").write_text("mine")
    (machine.here / ".course-00000000").mkdir()
    course, working = machine.run()
    assert course.parent == machine.here and course != left
    assert working == course / "notebooks"
    assert (left / "notes.txt").read_text() == "mine"
    assert machine.run() == [course, working]


def test_a_kernel_that_starts_elsewhere_finds_the_course_of_its_notebook(machine):
    notebook = machine.course / "notebooks" / "01.ipynb"
    found = [machine.course, machine.course / "notebooks"]
    nowhere = Address()
    assert machine.run(nowhere, before=f"__vsc_ipynb_file__ = {str(notebook)!r}\n") == found
    assert machine.run(nowhere, JPY_SESSION_NAME=str(notebook)) == found


def test_a_kernel_in_the_course_stays_where_it_is(machine):
    solutions = machine.course / "notebooks" / "solutions"
    solutions.mkdir()
    assert machine.run(folder=solutions) == [machine.course, solutions]
    assert machine.run(folder=machine.course) == [machine.course, machine.course / "notebooks"]


def test_without_an_address_the_cell_says_what_to_do(machine):
    sentence = machine.run(Address())
    assert sentence.startswith(f"This notebook runs in {machine.here}, which is not in the course")
    assert "set REPOSITORY" in sentence


def test_a_machine_without_git_says_so(machine):
    sentence = machine.run(PATH=str(machine.here))
    assert f"could not be fetched into {machine.here}" in sentence and "'git'" in sentence


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder no one can write")
def test_a_folder_that_cannot_be_written_is_named(machine):
    assert "could not create work tree dir '/proc/" in machine.run(folder="/proc")

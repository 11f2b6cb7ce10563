"""Lets the classroom's tests import what lies beside them, and shares them out over the cores."""

import csv
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from classroom import sandbox  # noqa: E402

LIMITS = {"cell_seconds": 6, "seconds": 60, "memory_gb": 0.7, "output_kb": 50}

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


def pytest_collection_modifyitems(items):
    """The tests that try answers stand together by assignment: they share its kernel."""
    files = {path: number for number, path in enumerate(dict.fromkeys(i.path for i in items))}

    def place(item):
        shares = "tried" in getattr(item, "fixturenames", ())
        return files[item.path], item.callspec.params.get("name", "") if shares else ""

    items.sort(key=place)


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
            name = re.search(r"\[(\d\d_[a-z_]+)", test) if "test_a" in file else None
            return name[1] if name else file

    return ByAssignment(config, log)


class Course:
    """The toy assignment, a class, and a folder of submissions, all in one temporary folder."""

    made = []  # the folder of a class in which the toy was released

    def __init__(self, folder):
        import toy

        from classroom.coursedir import CourseDirectory

        self.folder, self.name = folder, toy.NAME
        self.dir = CourseDirectory(folder / "class", toy.write_source(folder))
        self.submissions = folder / "submissions"
        self.submissions.mkdir()
        self.said = []

    def release(self):
        """Write the student version; returns it. It is made once, and copied from then on."""
        from classroom import release

        if not self.dir.folder.exists() and Course.made:
            shutil.copytree(Course.made[0], self.dir.folder)
        else:
            release.generate(self.dir, self.name)
            copy = Path(tempfile.mkdtemp()) / "class"
            Course.made[:] = [*Course.made, shutil.copytree(self.dir.folder, copy)][:1]
        return nbformat.read(self.dir.released(self.name), as_version=4)

    def put(self, path, content):
        """Write a file into the folder of submissions: a notebook, text or bytes."""
        target = self.submissions / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def hand_in(self, student, notebook):
        return self.put(f"{student}_{self.name}.ipynb", notebook)

    def grade(self, **options):
        from classroom import execute, grade

        self.said = []
        limits = execute.Limits(**LIMITS)
        given = grade.Options(str(self.submissions), limits=limits, **options)
        return grade.grade(self.dir, given, self.said.append)

    def command(self, what="grade"):
        """`make grade` or `make release` as a process."""
        argv = [sys.executable, "-m", "classroom", what]
        argv += ["--class", self.dir.folder, "--source", self.dir.source]
        if what == "grade":
            argv += [self.submissions, *(f"--{k.replace('_', '-')}={v}" for k, v in LIMITS.items())]
        return [str(a) for a in argv]

    def scores(self):
        text = (self.dir.folder / "scores.csv").read_text(encoding="utf-8")
        return {row["student"]: row for row in csv.DictReader(text.splitlines())}

    def machine(self):
        """The points by machine of each student."""
        return {student: row["machine"] for student, row in self.scores().items()}

    def report(self):
        return (self.dir.folder / "report.md").read_text(encoding="utf-8")

    def feedback(self, student):
        path = self.dir.folder / "feedback" / student / self.name / f"{self.name}.html"
        return path.read_text(encoding="utf-8")

    def rows(self):
        """(student, cell, points) of everything in the gradebook, in order."""
        with self.dir.gradebook() as gradebook:
            return sorted(
                (s.student.id, g.name, g.auto_score)
                for s in gradebook.assignment_submissions(self.name)
                for n in s.notebooks
                for g in n.grades
            )


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """The toy assignment as it is graded, and its student version."""
    from classroom import assignment

    course = Course(tmp_path_factory.mktemp("template"))
    version = course.release()
    return assignment.load(course.dir, course.name), version


def run_quickly(task):
    """In place of `execute.run`, where only what is around a run is tested: no kernel, no limits.

    Cells of more than 10 kB, which are hostile here, are left out.
    """
    names, results = {}, []
    for cell in task["cells"]:
        outputs = []
        try:
            if len(cell["source"]) < 10_000:
                exec(cell["source"], names)
        except BaseException as error:
            failed = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
            outputs = [{"output_type": "error", **failed}]
        results.append({"outputs": outputs, "beyond": ""})
    return {"cells": results, "seconds": 0.1, "isolated": True, "problem": ""}


@pytest.fixture
def no_kernels(monkeypatch):
    """Grade without kernels, and without isolation, which these need."""
    from classroom import execute

    monkeypatch.setattr(execute, "run", run_quickly)
    monkeypatch.setattr(sandbox, "choose", lambda isolation, here: True)


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A class in which the toy was released: the folder, and the student version."""
    course = Course(tmp_path_factory.mktemp("released"))
    return course, json.loads(json.dumps(course.release()))


@pytest.fixture
def batch(released, tmp_path, no_kernels):
    """A class with two good submissions, and the right answers."""
    import hostile
    import toy

    first, version = released
    course = Course(tmp_path)
    shutil.copytree(first.dir.folder, course.dir.folder)
    right = toy.answered(version, **toy.RIGHT)
    for student in hostile.GOOD:
        explained = toy.RIGHT | {"explain": f"{student} says why."}
        course.hand_in(student, toy.answered(version, **explained))
    return course, right

"""The assignments, graded by nbgrader: solutions, student versions, and wrong answers.

Nothing is written into the repository: each assignment gets a course of its own in a temporary
folder. Needs requirements-classroom.txt, and is skipped without.
"""

import ast
import contextlib
import json
import os
import re
import runpy
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader")
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

ASSIGNMENTS = Path(__file__).resolve().parents[2] / "assignments"
NOTEBOOKS = ASSIGNMENTS.parent / "notebooks"
SOURCES = sorted(ASSIGNMENTS.glob("source/*/*.ipynb"))
NAMES = [path.stem for path in SOURCES]

POINTS, BY_MACHINE, SECONDS = 20, 16, 15
KEYS = {"schema_version", "grade", "locked", "solution", "task", "grade_id"}
LEAK = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|For the marker")


def wrong_answers(name):
    """Name -> (answer cell, text of its solution, what replaces it)."""
    path = Path(__file__).parent / "wrong_answers" / f"{name}.py"
    return runpy.run_path(str(path))["WRONG"]


def read(path):
    return nbformat.read(path, as_version=4)


def nbgrader_cells(notebook):
    """grade_id -> cell."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells}


@contextlib.contextmanager
def as_a_teacher_runs_it():
    """nbgrader finds alembic through PATH; a kernel that sees pytest captures less output."""
    saved = dict(os.environ)
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), saved["PATH"]])
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


class Course:
    """A course in a temporary folder that holds one assignment."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        shutil.copytree(ASSIGNMENTS / "source" / name, folder / "source" / name)
        config = PyFileConfigLoader("nbgrader_config.py", str(ASSIGNMENTS)).load_config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
        with as_a_teacher_runs_it():
            self.api = NbGraderAPI(config=config)
            result = self.api.generate_assignment(name)
        assert result["success"], result["log"]

    @property
    def release(self):
        """The student's version, as it is handed out."""
        return self.folder / "release" / self.name / f"{self.name}.ipynb"

    def grade(self, student, notebook):
        """Points by test cell, and the autograded notebook."""
        for step in ("submitted", "autograded"):
            (self.folder / step / student / self.name).mkdir(parents=True, exist_ok=True)
        submitted, autograded = (
            self.folder / step / student / self.name / f"{self.name}.ipynb"
            for step in ("submitted", "autograded")
        )
        nbformat.write(notebook, submitted)
        with as_a_teacher_runs_it():
            result = self.api.autograde(self.name, student)
            assert result["success"], result["log"]
            with self.api.gradebook as gradebook:
                graded = gradebook.find_submission_notebook(self.name, self.name, student)
                points = {g.name: g.auto_score for g in graded.grades if g.cell_type == "code"}
        return points, read(autograded)


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A function that makes a course for an assignment, or gives the one that was made."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = Course(tmp_path_factory.mktemp(name), name)
        return made[name]

    return get


def full_points(notebook):
    cells = nbgrader_cells(notebook)
    return {
        key: cell.metadata.nbgrader.points
        for key, cell in cells.items()
        if cell.metadata.nbgrader.grade and cell.cell_type == "code"
    }


def errors(notebook):
    """grade_id or number of a cell -> the error in it."""
    found = {}
    for number, cell in enumerate(notebook.cells):
        key = cell.metadata.get("nbgrader", {}).get("grade_id", number)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found[key] = f"{output.ename}: {output.evalue}"
            elif output.get("name") == "stderr":
                found[key] = f"stderr: {output.text}"
    return found


# The sources


def test_there_is_an_assignment_for_each_notebook():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_source_is_sound(path):
    assert path.parent.name == path.stem
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert [key for key, count in Counter(ids).items() if count > 1] == []
    for cell in nbgrader_cells(notebook).values():
        data = cell.metadata.nbgrader
        assert set(data) == KEYS | ({"points"} if data.grade else set()), data.grade_id
        assert data.schema_version == 3
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_source_has_its_parts(path):
    notebook = read(path)
    cells = nbgrader_cells(notebook)
    assert notebook.cells[0].source.startswith("# ")
    title = read(NOTEBOOKS / path.name).cells[0].source.splitlines()[0].removeprefix("# ")
    assert f"notebook {path.stem[:2]}, *{title}*" in notebook.cells[0].source
    assert "<!-- colab badge -->" in notebook.cells[0].source
    assert notebook.cells[1] == cells["setup"]
    graded = {k: c.metadata.nbgrader.points for k, c in cells.items() if c.metadata.nbgrader.grade}
    assert sum(graded.values()) == POINTS
    assert sum(full_points(notebook).values()) == BY_MACHINE
    answers = [k for k, c in cells.items() if c.metadata.nbgrader.solution and k != "explain"]
    assert 3 <= len(answers) <= 5 and answers[-1] == "debug"
    assert set(graded) == {f"test_{key}" for key in answers} | {"explain"}
    assert "BEGIN MARK SCHEME" in cells["explain_question"].source
    for key in answers:
        assert "### BEGIN SOLUTION" in cells[key].source
        test = cells[f"test_{key}"].source
        assert test.endswith("### END HIDDEN TESTS")
        visible, hidden = test.split("### BEGIN HIDDEN TESTS")
        assert 'print("✓' in visible.splitlines()[-1], "a student sees that the tests pass"
        assert re.search(r"default_rng\(\)|seed=None", hidden), "fresh inputs each time"
        last = hidden.strip().splitlines()[-2]
        assert last.startswith((" ", "assert", ")")), f"a value would be partial credit: {last}"


def names_bound(code):
    """The names that a cell gives a value to, outside of its functions and classes."""
    tree = ast.parse(code)
    inner = {
        id(n) for f in tree.body if hasattr(f, "body") and hasattr(f, "name") for n in ast.walk(f)
    }
    inner -= {id(f) for f in tree.body}
    names = {f.name for f in tree.body if hasattr(f, "name")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inner:
            names.add(node.id)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_no_test_overwrites_an_answer(path):
    """Or what the answers are given: a student runs the cells in any order."""
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    tests = [c for c in code if c.metadata.get("nbgrader", {}).get("grade")]
    functions = set()
    for cell in code:
        if cell not in tests:
            functions |= {f.name for f in ast.parse(cell.source).body if hasattr(f, "name")}
    for test in tests:
        both = names_bound(test.source) & (functions | {"keras", "np", "tf"})
        assert not both, f"{test.metadata.nbgrader.grade_id}: {both}"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_there_are_enough_wrong_answers(path):
    cells, wrong = nbgrader_cells(read(path)), wrong_answers(path.stem)
    assert len(wrong) >= 6
    tried = {answer for answer, _, _ in wrong.values()}
    assert {f"test_{answer}" for answer in tried} == set(full_points(read(path)))
    for name, (answer, old, new) in wrong.items():
        solution = cells[answer].source
        assert solution.count(old) == 1, name
        compile(solution.replace(old, new), name, "exec")


# What nbgrader makes of them


@pytest.mark.parametrize("name", NAMES)
def test_solution_scores_full_marks(name, course):
    notebook = read(course(name).folder / "source" / name / f"{name}.ipynb")
    begun = time.monotonic()
    points, graded = course(name).grade("solution", notebook)
    seconds = time.monotonic() - begun
    assert errors(graded) == {}
    assert points == full_points(notebook)
    print(f"{name}: graded in {seconds:.1f} s, goal {SECONDS} s on two cores")


@pytest.mark.parametrize("name", NAMES)
def test_student_version_scores_nothing(name, course):
    notebook = read(course(name).release)
    text = json.dumps(notebook)
    assert not LEAK.search(text), LEAK.search(text)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            compile(cell.source, name, "exec")
    points, graded = course(name).grade("untouched", notebook)
    assert set(points) == set(full_points(notebook)) and not any(points.values())
    found = errors(graded)
    assert set(found) == set(points), "only tests fail"
    assert all(error.startswith("NotImplementedError: Not written") for error in found.values())
    with as_a_teacher_runs_it(), course(name).api.gradebook as gradebook:
        assert gradebook.find_submission(name, "untouched").score == 0


@pytest.mark.parametrize("name", NAMES)
def test_marker_sees_the_rubric(name, course):
    """The rubric is back in the graded notebook, and an answer waits for a mark."""
    notebook = read(course(name).release)
    nbgrader_cells(notebook)["explain"].source = "Because of the chain rule."
    _, graded = course(name).grade("explainer", notebook)
    cells = nbgrader_cells(graded)
    assert "For the marker" in cells["explain_question"].source
    assert cells["explain"].source == "Because of the chain rule."
    with as_a_teacher_runs_it(), course(name).api.gradebook as gradebook:
        submission = gradebook.find_submission(name, "explainer")
        assert submission.needs_manual_grade and submission.max_written_score == 4


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        pytest.param(name, mistake, id=f"{name}-{mistake.replace(' ', '-')}")
        for name in NAMES
        for mistake in wrong_answers(name)
    ],
)
def test_wrong_answer_loses_in_its_task_alone(name, mistake, course):
    answer, old, new = wrong_answers(name)[mistake]
    notebook = read(course(name).folder / "source" / name / f"{name}.ipynb")
    full = full_points(notebook)
    cell = nbgrader_cells(notebook)[answer]
    cell.source = cell.source.replace(old, new)
    points, graded = course(name).grade(re.sub(r"\W+", "-", mistake), notebook)
    lost = {test for test in full if points[test] < full[test]}
    assert lost == {f"test_{answer}"}, errors(graded)

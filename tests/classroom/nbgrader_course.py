"""The assignments, and a course of nbgrader's own for each, outside the repository."""

import contextlib
import os
import runpy
import shutil
import sys
from pathlib import Path

import nbformat
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

ASSIGNMENTS = Path(__file__).resolve().parents[2] / "assignments"
SOURCES = sorted(ASSIGNMENTS.glob("source/*/*.ipynb"))
NAMES = [path.stem for path in SOURCES]


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

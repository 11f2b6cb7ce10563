"""An assignment as it is graded: its cells with hidden tests, and what a run of them is worth."""

import ast
import base64
import copy
from dataclasses import dataclass, field

import nbformat
from nbgrader.utils import determine_grade

from classroom.findings import Task, TaskCell

ANSWER, TEST, LOCKED, PLAIN = "answer", "test", "locked", "plain"


@dataclass
class Template:
    """An assignment as it is graded.

    Attributes:
        cells: The notebook's cells, with hidden tests.
        released: The same cells' text as students got it.
        metadata: The notebook's own metadata.
        defines: The names that the solution of an answer cell defines, by its grade_id.
    """

    cells: list
    released: list
    metadata: dict
    defines: dict = field(default_factory=dict)


def role(cell) -> str:
    """What a cell of the assignment is for."""
    marks = cell["metadata"].get("nbgrader", {})
    if marks.get("solution"):
        return ANSWER
    if marks.get("grade"):
        return TEST
    return LOCKED if marks.get("locked") or marks.get("task") else PLAIN


def name_of(cell) -> str:
    """A cell's grade_id, or ""."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def load(course, name) -> Template:
    """An assignment as it is graded, from its student version and the gradebook."""
    notebook = nbformat.read(course.released(name), as_version=4)
    source = nbformat.read(course.source_of(name), as_version=4)
    defines = {
        name_of(cell): names_bound(cell.source)
        for cell in source.cells
        if cell.cell_type == "code" and role(cell) == ANSWER
    }
    released, cells = [], []
    with course.gradebook() as gradebook:
        for cell in notebook.cells:
            released.append(cell.source)
            cell = copy.deepcopy(cell)
            if name_of(cell):
                known = gradebook.find_source_cell(name_of(cell), name, name)
                cell.metadata.nbgrader["checksum"] = known.checksum
                if role(cell) in (TEST, LOCKED):
                    cell.source = known.source
            cells.append(cell)
    return Template(cells, released, dict(notebook.metadata), defines)


def names_bound(source) -> list[str]:
    """The names that a cell defines at its top level, imports aside."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        else:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            bound |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    return sorted(bound)


def code_cells(cells, kinds) -> list[TaskCell]:
    """The code cells of a notebook, as they are run."""
    return [
        TaskCell(source=cell["source"], kind=kind, name=name_of(cell))
        for cell, kind in zip(cells, kinds, strict=True)
        if cell["cell_type"] == "code"
    ]


def task(template: Template, cells, files, limits, isolated) -> Task:
    """What `execute.run` is given for one submission: code only.

    Args:
        cells: Of `code_cells`.
        files: What lies beside the notebook: {path: bytes}.
        limits: A dict of the fields of `execute.Limits`.
        isolated: Whether it is to be run in a sandbox.
    """
    return Task(
        cells=cells,
        answers=sorted({name for names in template.defines.values() for name in names}),
        files={name: base64.b64encode(content).decode() for name, content in files.items()},
        limits=limits,
        isolated=isolated,
    )


def points(cells, results) -> float:
    """The points that an executed notebook earns by nbgrader's own rule."""
    outputs = iter(results)
    total = 0.0
    for cell in cells:
        found = next(outputs)["outputs"] if cell["cell_type"] == "code" else []
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            graded = copy.deepcopy(cell)
            if cell["cell_type"] == "code":
                graded["outputs"] = [nbformat.from_dict(output) for output in found]
            total += determine_grade(nbformat.from_dict(graded))[0] or 0.0
    return total

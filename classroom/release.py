"""Write the student versions of the assignments, and try them.

A class has a folder of its own, which is not part of the course: release/ (what students get),
gradebook.db, and what grading adds. nbgrader's `generate_assignment` writes the first two.
"""

import copy
import hashlib
import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Comment, Grade, Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from classroom import execute, mend
from scripts import setup_cell

COURSE = setup_cell.ROOT


class ClassroomError(Exception):
    """Something that a teacher can put right; the message says how."""


@dataclass
class Class:
    """A class's folder, and the assignments that it can be given."""

    folder: Path
    source: Path = COURSE / "assignments" / "source"
    repository: str = ""  # owner/name of where students find the notebooks, for the Colab badge

    @property
    def database(self) -> str:
        return f"sqlite:///{(self.folder / 'gradebook.db').resolve()}"

    def config(self) -> Config:
        """nbgrader's settings: those of the assignments, and where this class keeps its files."""
        try:
            loader = PyFileConfigLoader("nbgrader_config.py", str(self.source.parent))
            config = loader.load_config()
        except ConfigFileNotFound:
            config = Config()
        config.CourseDirectory.root = str(self.folder.resolve())
        config.CourseDirectory.source_directory = str(self.source.resolve())
        config.CourseDirectory.db_url = self.database
        return config

    def write_config(self) -> None:
        """Settings with which nbgrader, started in the class's folder, finds everything."""
        directory = f"c.CourseDirectory.source_directory = {str(self.source.resolve())!r}\n"
        settings = (
            f'load_subconfig("nbgrader_config.py", path={str(self.source.parent.resolve())!r})'
        )
        if not (self.source.parent / "nbgrader_config.py").exists():
            settings = ""
        write(
            self.folder / "nbgrader_config.py",
            f"# Written by `make release` and `make grade`.\nc = get_config()\n{settings}\n"
            f"c.CourseDirectory.root = {str(self.folder.resolve())!r}\n{directory}",
        )

    def api(self) -> NbGraderAPI:
        """nbgrader, at work in this class; it keeps its log to itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_config()
        find_programs()
        logging.disable(logging.CRITICAL)  # it misses the exchange, which is not used here
        try:
            api = NbGraderAPI(config=self.config())
        finally:
            logging.disable(logging.NOTSET)
        api.log.handlers[:] = []
        api.log.propagate = False
        api.log_level = logging.ERROR
        return api

    def assignments(self) -> list[str]:
        """The names of all assignments that there are sources of."""
        if not self.source.is_dir():
            raise ClassroomError(f"There are no assignments: {self.source} does not exist.")
        names = [p.name for p in self.source.iterdir() if (p / f"{p.name}.ipynb").is_file()]
        if not names:
            raise ClassroomError(f"There are no assignments in {self.source}.")
        return sorted(names)

    def chosen(self, name="") -> list[str]:
        """All assignments, or those whose name begins with `name`."""
        names = self.assignments()
        found = [n for n in names if n == name] or [n for n in names if n.startswith(name)]
        if not found:
            raise ClassroomError(f'There is no assignment "{name}"; there are: {", ".join(names)}.')
        return found

    def files(self, name) -> dict[str, bytes]:
        """What an assignment needs besides its notebook, by its path in the assignment's folder."""
        folder = self.source / name
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".ipynb" and "checkpoints" not in str(path)
        }

    def version(self, name) -> str:
        """Changes whenever the assignment does."""
        digest = hashlib.sha256((self.source / name / f"{name}.ipynb").read_bytes())
        settings = self.source.parent / "nbgrader_config.py"
        if settings.exists():
            digest.update(settings.read_bytes())
        for path, content in self.files(name).items():
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def _state(self) -> dict:
        file = self.folder / "versions.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def released_version(self, name) -> str:
        """The version that students and the gradebook have, or ""."""
        released = self.folder / "release" / name / f"{name}.ipynb"
        if not (released.exists() and (self.folder / "gradebook.db").exists()):
            return ""
        with Gradebook(self.database) as gradebook:
            try:
                gradebook.find_notebook(name, name)
            except MissingEntry:  # the gradebook is a new one
                return ""
        return self._state().get(name, "")

    def note_version(self, name) -> None:
        """Remember that the assignment as it is now was released, and for which repository."""
        state = self._state() | {name: self.version(name)}
        if self.repository:
            state["repository"] = self.repository
        write(self.folder / "versions.json", json.dumps(state, indent=1))

    def address(self) -> setup_cell.Address:
        """The repository and branch from which students open the notebooks."""
        own = self.repository or self._state().get("repository", "")
        return setup_cell.Address(own) if own else setup_cell.address()


def find_programs():
    """Let nbgrader find `alembic`, which it calls to make a gradebook, beside this Python."""
    own, known = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if known.split(os.pathsep)[0] != own:
        os.environ["PATH"] = os.pathsep.join([own, known])


def write(path, text):
    """Write a file so that it is there whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)


def make(room: Class, name, api=None) -> Path:
    """Write one student version, and its cells into the gradebook; returns the notebook's path."""
    try:
        source = nbformat.read(room.source / name / f"{name}.ipynb", as_version=4)
    except Exception as error:
        raise ClassroomError(f"The source of {name} is not a notebook: {error}") from None
    names = [mend.name_of(cell) for cell in source.cells if mend.name_of(cell)]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise ClassroomError(f"In {name} two cells have the same grade_id: {', '.join(twice)}.")
    _change_cells(room, name)
    result = (api or room.api()).generate_assignment(name, force=True, create=True)
    path = room.folder / "release" / name / f"{name}.ipynb"
    if not result["success"] or not path.exists():
        raise ClassroomError(f"nbgrader could not make {name}: {_reason(result)}.")
    notebook = nbformat.read(path, as_version=4)
    _stamp(notebook, name, room.address())
    write(path, nbformat.writes(notebook) + "\n")
    room.note_version(name)
    return path


def _reason(result):
    """What went wrong, out of nbgrader's long log."""
    lines = ((result.get("log") or "") + (result.get("error") or "")).splitlines()
    raised = (re.match(r"\s*[\w.]*(?:Error|Exception): (.+)", line) for line in lines)
    found = [match[1] for match in raised if match and "above traceback" not in match[1]]
    return found[-1].rstrip(".") if found else "it does not say why"


def _stamp(notebook, name, address):
    """Write the repository's address into the badge."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and address.repository:
            filled = setup_cell.with_badges(cell.source, f"{name}.ipynb", address)
            cell.source = filled.replace("/notebooks/", f"/release/{name}/")


def _change_cells(room: Class, name):
    """Add and remove the gradebook's cells where an assignment with submissions has changed.

    nbgrader refuses this. Here the marks of the cells that remain are kept, hand marks included,
    and cells that are new start without marks.
    """
    if not (room.folder / "gradebook.db").exists():
        return
    notebook = nbformat.read(room.source / name / f"{name}.ipynb", as_version=4)
    new = {mend.name_of(cell): cell for cell in notebook.cells if mend.name_of(cell)}
    with Gradebook(room.database) as gradebook:
        try:
            known = gradebook.find_notebook(name, name)
        except MissingEntry:
            return
        if not known.submissions:
            return
        old = [*known.grade_cells, *known.solution_cells, *known.task_cells]
        for cell in [*old, *known.source_cells]:
            if cell.name not in new:
                for row in [*getattr(cell, "grades", []), *getattr(cell, "comments", [])]:
                    gradebook.db.delete(row)
                gradebook.db.delete(cell)
        gradebook.db.commit()
        for cell_name, cell in new.items():
            marks, kind = cell.metadata["nbgrader"], cell.cell_type
            here = (cell_name, name, name)
            if marks.get("grade"):
                most = float(marks["points"])
                row = gradebook.update_or_create_grade_cell(*here, max_score=most, cell_type=kind)
                _add_rows(gradebook, known, row, Grade)
            if marks.get("solution"):
                row = gradebook.update_or_create_solution_cell(*here)
                _add_rows(gradebook, known, row, Comment)
            gradebook.update_or_create_source_cell(*here, cell_type=kind)
        gradebook.db.commit()


def _add_rows(gradebook, notebook, cell, kind):
    """A place for each submission's mark or comment in a cell that it did not have."""
    for submission in notebook.submissions:
        rows = submission.grades if kind is Grade else submission.comments
        if all(row.cell_id != cell.id for row in rows):
            gradebook.db.add(kind(cell=cell, notebook=submission))


def template(room: Class, name) -> mend.Template:
    """An assignment as it is graded, from its student version and the gradebook."""
    path = room.folder / "release" / name / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    source = nbformat.read(room.source / name / f"{name}.ipynb", as_version=4)
    names = set()
    for cell in source.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            names |= set(execute.names_bound(cell.source))
    released, cells = [], []
    with Gradebook(room.database) as gradebook:
        for cell in notebook.cells:
            released.append(cell.source)
            cell = copy.deepcopy(cell)
            if mend.role(cell) in (mend.TEST, mend.LOCKED):
                cell.source = gradebook.find_source_cell(mend.name_of(cell), name, name).source
            if mend.name_of(cell):
                known = gradebook.find_source_cell(mend.name_of(cell), name, name)
                cell.metadata.nbgrader["checksum"] = known.checksum
            cells.append(cell)
    return mend.Template(cells, released, dict(notebook.metadata), sorted(names))


def task(form: mend.Template, mended: mend.Mended, limits, files) -> dict:
    """What `execute` is given for one submission: code only."""
    code = [
        {"source": cell["source"], "kind": kind}
        for cell, kind in zip(mended.cells, mended.kinds, strict=True)
        if cell["cell_type"] == "code"
    ]
    return {
        "cells": code,
        "student_names": form.student_names,
        "files": {name: execute.encoded(content) for name, content in files.items()},
        "limits": limits,
    }


def points(cells, results) -> float:
    """The points that an executed notebook earns by nbgrader's own rule."""
    from nbgrader.utils import determine_grade

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


def try_out(room: Class, name, limits=None, solved=False):
    """Grade an assignment's student version, or its solutions, as if a student handed it in.

    Returns:
        The points earned, the most that the machine can give, and what is wrong, in words.
    """
    form = template(room, name)
    path = room.source / name if solved else room.folder / "release" / name
    cells = mend.read((path / f"{name}.ipynb").read_bytes())
    mended = mend.mend(form, cells)
    limits = limits or vars(execute.Limits())
    result = execute.run(task(form, mended, limits, room.files(name)))
    faults = [result["problem"]] if result["problem"] else []
    code = [c for c in zip(mended.cells, mended.kinds, strict=True) if c[0]["cell_type"] == "code"]
    for (cell, kind), outcome in zip(code, result["cells"], strict=True):
        for output in outcome["outputs"]:
            error = output.get("ename", "")
            if (
                "SyntaxError" in error
                or "IndentationError" in error
                or (kind == "teacher" and error)
            ):
                faults.append(f"{mend.name_of(cell) or 'a cell'}: {error}: {output['evalue']}")
        faults += [f"{what} was replaced" for what in outcome["replaced"]]
    earned = points(mended.cells, result["cells"])
    most = sum(
        float(c["metadata"]["nbgrader"]["points"])
        for c in form.cells
        if mend.role(c) == mend.TEST and c["cell_type"] == "code"
    )
    return earned, most, faults


HIDDEN = re.compile(r"BEGIN (HIDDEN TESTS|SOLUTION|MARK SCHEME)")


def release(room: Class, name="", tell=print) -> int:
    """Write and try the student versions; returns how many are not as they should be."""
    api, bad = room.api(), 0
    for assignment in room.chosen(name):
        path = make(room, assignment, api)
        earned, most, faults = try_out(room, assignment)
        if earned:
            faults.append(f"untouched it scores {earned:g}, not 0")
        if left := HIDDEN.search(path.read_text(encoding="utf-8")):
            faults.append(f'it still holds "{left[0]}"')
        if not mend.read(path.read_bytes()):
            faults.append("it is empty")
        bad += bool(faults)
        state = "; ".join(faults) or f"runs to its end, scores 0 of {most:g}"
        tell(f"{path.relative_to(room.folder).as_posix()}: {state}")
    return bad

"""Merge what was run into the class's gradebook, by nbgrader's own rules. One process does this.

The marks come first, the autograded notebook with the run's key after them: a run that was broken
off in between is merged again, which changes nothing.
"""

import html
import json
import re

import nbformat
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import SaveAutoGrades

from classroom import collect, mend, release

STORED = "course"  # key in an autograded notebook's metadata
RUNS_WHEN_CLICKED = re.compile(r"(java|vb)script:|data:text", re.IGNORECASE)


def autograded(room, submission):
    """Where nbgrader looks for a graded submission."""
    name = submission.assignment
    return room.folder / "autograded" / submission.student / name / f"{name}.ipynb"


def is_merged(room, job):
    """Whether the gradebook has this very run: the notebook is written after the marks."""
    submission = job.submission
    try:
        text = autograded(room, submission).read_text(encoding="utf-8")
        with Gradebook(room.database) as gradebook:
            gradebook.find_submission(submission.assignment, submission.student)
        return json.loads(text)["metadata"][STORED]["key"] == job.key
    except (OSError, ValueError, KeyError, MissingEntry):
        return False


def enrol(room, roster):
    """Make the roster's students known to the gradebook."""
    if roster:
        with Gradebook(room.database) as gradebook:
            for s in roster.values():
                fields = {"first_name": s.first_name, "last_name": s.last_name, "email": s.email}
                gradebook.update_or_create_student(s.name, **fields)


def merge(room, job, form):
    """Write one run's marks into the gradebook, by nbgrader's own rules; hand marks stay."""
    submission, name = job.submission, job.submission.assignment
    notebook = nbformat.v4.new_notebook(metadata=form.metadata)
    outputs = iter(job.outcome["cells"])
    for cell in job.mended.cells:
        cell = nbformat.from_dict(cell)
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(output) for output in next(outputs)["outputs"]]
            cell.execution_count = None
        notebook.cells.append(cell)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    _make_harmless(notebook)
    before = _hand_marked(room, submission)
    with Gradebook(room.database) as gradebook:
        gradebook.update_or_create_student(submission.student)
        when = submission.when.astimezone(collect.datetime.UTC).replace(tzinfo=None)
        gradebook.update_or_create_submission(name, submission.student, timestamp=when)
    resources = {
        "nbgrader": {
            "notebook": name, "assignment": name, "student": submission.student,
            "db_url": room.database,
        }
    }  # fmt: skip
    saver = SaveAutoGrades()
    saver.log.disabled = True  # one log for all of nbgrader: only for this step
    try:
        saver.preprocess(notebook, resources)
    finally:
        saver.log.disabled = False
    _settle_hand_marks(room, submission, notebook, before)
    notebook.metadata[STORED] = {"key": job.key}
    path = autograded(room, submission)
    release.write(path, nbformat.writes(notebook) + "\n")


def _make_harmless(notebook):
    """Take out what would run in the browser of whoever marks it: scripts in a student's text."""
    cleaner = SanitizeHTML()
    for index, cell in enumerate(notebook.cells):
        written = cell.cell_type == "markdown" and mend.role(cell) != mend.LOCKED
        if written and re.search(r"<[a-z/!]", cell.source, re.IGNORECASE):
            cell.source = cleaner.preprocess_cell(cell.copy(), {}, index)[0].source
        if written and RUNS_WHEN_CLICKED.search(
            re.sub(r"[\s\\\0-\x1f]", "", html.unescape(cell.source))
        ):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cell.source)), default=0))
            cell.source = f"{fence}\n{cell.source}\n{fence}"  # shown as it was typed


def _hand_marked(room, submission):
    """The text of each cell that has a hand mark, as it was marked."""
    try:
        old = nbformat.read(autograded(room, submission), as_version=4)
    except Exception:
        return {}
    return {mend.name_of(cell): cell.source for cell in old.cells if mend.name_of(cell)}


def _settle_hand_marks(room, submission, notebook, before):
    """A hand mark needs a second look only where the answer is another one than was marked."""
    name = submission.assignment
    with Gradebook(room.database) as gradebook:
        for cell in notebook.cells:
            if mend.role(cell) == mend.ANSWER and cell.metadata.nbgrader.get("grade"):
                mark = gradebook.find_grade(mend.name_of(cell), name, name, submission.student)
                unchanged = before.get(mend.name_of(cell)) == cell.source
                if mark.manual_score is not None and unchanged:
                    mark.needs_manual_grade = False
        gradebook.db.commit()

"""What goes into the class's gradebook and comes out of it. One process at a time writes there.

The marks come first, the autograded notebook and the run's key after them: a run that was broken
off in between is merged again, which changes nothing.
"""

import datetime
from dataclasses import dataclass

import nbformat
from nbgrader.api import Comment, Grade, MissingEntry
from nbgrader.preprocessors import SaveAutoGrades

from classroom.assignment import ANSWER, name_of, role
from classroom.coursedir import CourseDirectory, write


@dataclass
class Marks:
    """What the gradebook has of one submission.

    Attributes:
        machine: Points by tests, of cells without a mark by hand.
        by_hand: Points by hand, None where no mark was given.
        to_mark: How many answers wait for a mark.
        shown: All that the feedback shows besides the notebook.
    """

    last_name: str
    first_name: str
    score: float
    max_score: float
    machine: float
    by_hand: float | None
    to_mark: int
    shown: list


def enrol(course: CourseDirectory, roster) -> None:
    """Make the roster's students known to the gradebook."""
    if roster:
        with course.gradebook() as gradebook:
            for s in roster.values():
                fields = {"first_name": s.first_name, "last_name": s.last_name, "email": s.email}
                gradebook.update_or_create_student(s.name, **fields)


def merge(course: CourseDirectory, submission, rebuilt, results, key) -> None:
    """Write one run's marks into the gradebook, by nbgrader's own rules; hand marks stay.

    Args:
        rebuilt: The file of the rebuilt notebook.
        results: What came of its code cells.
        key: Of the run, for `is_merged`.
    """
    name, student = submission.assignment, submission.student
    notebook = nbformat.read(rebuilt, as_version=4)
    outputs = iter(results)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(output) for output in next(outputs)["outputs"]]
    text = nbformat.writes(notebook)
    path = course.autograded(student, name)
    before = _hand_marked(path)
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        when = submission.when.astimezone(datetime.UTC).replace(tzinfo=None)
        gradebook.update_or_create_submission(name, student, timestamp=when)
    about = {"notebook": name, "assignment": name, "student": student, "db_url": course.database}
    saver = SaveAutoGrades()
    saver.log.disabled = True  # one log for all of nbgrader: only for this step
    try:
        saver.preprocess(notebook, {"nbgrader": about})
    finally:
        saver.log.disabled = False
    _settle_hand_marks(course, submission, notebook, before)
    write(path, text + "\n")
    write(_merged(course, submission), key)


def _merged(course, submission):
    return course.folder / "runs" / submission.assignment / f"{submission.student}.merged"


def is_merged(course: CourseDirectory, submission, key) -> bool:
    """Whether the gradebook has this very run."""
    try:
        merged = _merged(course, submission).read_text(encoding="utf-8") == key
        with course.gradebook() as gradebook:
            gradebook.find_submission(submission.assignment, submission.student)
        return merged and course.autograded(submission.student, submission.assignment).exists()
    except (OSError, MissingEntry):
        return False


def _hand_marked(path):
    """The text of each cell of an autograded notebook, as it was marked."""
    try:
        old = nbformat.read(path, as_version=4)
    except Exception:
        return {}
    return {name_of(cell): cell.source for cell in old.cells if name_of(cell)}


def _settle_hand_marks(course, submission, notebook, before):
    """A hand mark needs a second look only where the answer is another one than was marked."""
    name = submission.assignment
    with course.gradebook() as gradebook:
        for cell in notebook.cells:
            if role(cell) == ANSWER and cell.metadata.nbgrader.get("grade"):
                mark = gradebook.find_grade(name_of(cell), name, name, submission.student)
                if mark.manual_score is not None and before.get(name_of(cell)) == cell.source:
                    mark.needs_manual_grade = False
        gradebook.db.commit()


def marks_of(course: CourseDirectory, pairs) -> dict[tuple[str, str], Marks]:
    """The marks of those of the pairs (student, assignment) that the gradebook has."""
    found = {}
    with course.gradebook() as gradebook:
        for student, assignment in pairs:
            try:
                one = gradebook.find_submission(assignment, student)
            except MissingEntry:
                continue
            grades = [grade for notebook in one.notebooks for grade in notebook.grades]
            comments = [c for notebook in one.notebooks for c in notebook.comments]
            by_hand = [grade for grade in grades if grade.manual_score is not None]
            found[student, assignment] = Marks(
                one.student.last_name or "",
                one.student.first_name or "",
                one.score,
                one.max_score,
                sum(g.auto_score or 0 for g in grades if g not in by_hand),
                sum(g.manual_score for g in by_hand) if by_hand else None,
                sum(bool(grade.needs_manual_grade) for grade in grades),
                sorted([g.name, g.score] for g in grades)
                + sorted([c.name, c.comment] for c in comments),
            )
    return found


def change_cells(course: CourseDirectory, name, cells) -> None:
    """Add and remove the gradebook's cells where an assignment with submissions has changed.

    nbgrader refuses this. Here the marks of the cells that remain are kept, hand marks included,
    and cells that are new start without marks.
    """
    if not (course.folder / "gradebook.db").exists():
        return
    new = {name_of(cell): cell for cell in cells if name_of(cell)}
    with course.gradebook() as gradebook:
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

"""Write the student versions of the assignments (nbgrader's generate_assignment), and try them."""

import re
from pathlib import Path

import nbformat

from classroom import assignment, execute, gradebook, reading, sandbox
from classroom.assignment import TEST, name_of, role
from classroom.coursedir import ClassroomError, CourseDirectory, write
from classroom.rebuild import rebuild
from scripts import setup_cell

HIDDEN = re.compile(r"BEGIN (HIDDEN TESTS|SOLUTION|MARK SCHEME)")


def generate(course: CourseDirectory, name, api=None) -> Path:
    """Write one student version, and its cells into the gradebook; returns the notebook's path."""
    try:
        source = nbformat.read(course.source_of(name), as_version=4)
    except Exception as error:
        raise ClassroomError(f"The source of {name} is not a notebook: {error}") from None
    names = [name_of(cell) for cell in source.cells if name_of(cell)]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise ClassroomError(f"In {name} two cells have the same grade_id: {', '.join(twice)}.")
    gradebook.change_cells(course, name, source.cells)
    result = (api or course.api()).generate_assignment(name, force=True, create=True)
    path = course.released(name)
    if not result["success"] or not path.exists():
        raise ClassroomError(f"nbgrader could not make {name}: {_reason(result)}.")
    notebook = nbformat.read(path, as_version=4)
    _stamp(notebook, name, course.address())
    write(path, nbformat.writes(notebook) + "\n")
    course.note_version(name)
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


def try_out(course: CourseDirectory, name, limits=None, solved=False):
    """Grade an assignment's student version, or its solutions, as if a student handed it in.

    Returns:
        The points earned, the most that the machine can give, and what is wrong, in words.
    """
    template = assignment.load(course, name)
    path = course.source_of(name) if solved else course.released(name)
    rebuilt = rebuild(template, reading.load(path))
    code = assignment.code_cells(rebuilt.cells, rebuilt.kinds)
    limits, files = limits or vars(execute.Limits()), course.files(name)
    isolated = not sandbox.why_not()  # what is run is the teacher's own
    result = execute.run(assignment.task(template, code, files, limits, isolated))
    faults = [result["problem"]] if result["problem"] else []
    for cell, outcome in zip(code, result["cells"], strict=True):
        for output in outcome["outputs"]:
            error = output.get("ename", "")
            broken = "SyntaxError" in error or "IndentationError" in error
            if broken or (cell["kind"] == "teacher" and error):
                faults.append(f"{cell['name'] or 'a cell'}: {error}: {output['evalue']}")
    earned = assignment.points(rebuilt.cells, result["cells"])
    most = sum(
        float(c["metadata"]["nbgrader"]["points"])
        for c in template.cells
        if role(c) == TEST and c["cell_type"] == "code"
    )
    return earned, most, faults


def release(course: CourseDirectory, name="", say=print) -> int:
    """Write and try the student versions; returns how many are not as they should be."""
    api, bad = course.api(), 0
    for one in course.chosen(name):
        path = generate(course, one, api)
        earned, most, faults = try_out(course, one)
        if earned:
            faults.append(f"untouched it scores {earned:g}, not 0")
        if left := HIDDEN.search(path.read_text(encoding="utf-8")):
            faults.append(f'it still holds "{left[0]}"')
        if not reading.load(path):
            faults.append("it is empty")
        bad += bool(faults)
        state = "; ".join(faults) or f"runs to its end, scores 0 of {most:g}"
        say(f"{path.relative_to(course.folder).as_posix()}: {state}")
    return bad

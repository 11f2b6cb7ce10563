"""The pages that students get: answers, marks and comments, without hidden tests and rubrics.

A page runs nothing and loads nothing from elsewhere: its own policy forbids that to the browser.
"""

import functools
import json
import re

import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, GetGrades

from classroom.assignment import LOCKED, TEST, role
from classroom.child import Child, Failed
from classroom.coursedir import CourseDirectory, write

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
SCRIPT = re.compile(r"<script\b.*?</script>|<link\b[^>]*>", re.DOTALL | re.IGNORECASE)


class ForStudents(ClearHiddenTests):
    """Takes hidden tests, mark schemes and the lines around a failure out of the feedback."""

    def preprocess_cell(self, cell, resources, index):
        """Clear one cell; nbconvert calls this for each."""
        if role(cell) in (TEST, LOCKED):
            if "BEGIN HIDDEN TESTS" in cell.source:
                self._remove_hidden_test_region(cell)
            if "BEGIN MARK SCHEME" in cell.source:
                ClearMarkScheme()._remove_mark_scheme_region(cell)
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


def write_all(course: CourseDirectory, keys, marks, child: Child) -> list[str]:
    """Write the pages whose run, marks or comments have changed; returns what went wrong.

    Args:
        keys: Of the runs, by (student, assignment).
        marks: Of the gradebook, by (student, assignment).
    """
    file = course.folder / "runs" / "feedback.json"
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        written = {}
    problems = []
    for (student, name), key in keys.items():
        place = f"{student}/{name}"
        target = course.folder / "feedback" / student / name / f"{name}.html"
        if (student, name) not in marks or not course.autograded(student, name).exists():
            continue
        state = [*marks[student, name].shown, key]
        if target.exists() and written.get(place) == state:
            continue
        try:
            child.call(write_page, course, student, name, target)
        except Failed as failure:
            problems.append(f"no feedback could be written for {place}: {failure}")
            continue
        written[place] = state
    write(file, json.dumps(written))
    return problems


def write_page(course: CourseDirectory, student, name, target) -> None:
    """Write one page."""
    notebook = nbformat.read(course.autograded(student, name), as_version=4)
    about = {"notebook": name, "assignment": name, "student": student, "db_url": course.database}
    resources = {"nbgrader": about, "metadata": {"name": name}}
    html, _ = _exporter(course).from_notebook_node(notebook, resources)
    policy = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    write(target, SCRIPT.sub("", html).replace("<head>", policy, 1))


@functools.cache
def _exporter(course):
    exporter = HTMLExporter(config=GenerateFeedback(coursedir=course.api().coursedir).config)
    for step in (ForStudents, GetGrades, CSSHTMLHeaderPreprocessor):
        exporter.register_preprocessor(step, enabled=True)
    return exporter

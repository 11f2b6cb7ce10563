"""What a run leaves for the teacher and the students: scores.csv, report.md, feedback/."""

import csv
import io
import json
from dataclasses import dataclass, field

import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, GetGrades

from classroom import mend, merge, release, sandbox

COLUMNS = (
    *("student", "last_name", "first_name", "assignment", "score", "max_score"),
    *("machine", "by_hand", "to_mark_by_hand", "submitted", "late", "see_report"),
)


@dataclass
class Summary:
    """What the report is written from."""

    names: list
    remarks: list = field(default_factory=list)
    roster: dict | None = None
    jobs: list = field(default_factory=list)

    def add(self, job):
        self.jobs.append(job)

    def not_graded(self):
        return [job for job in self.jobs if job.outcome["problem"]]


def write_all(room, summary, submissions):
    """Write feedback, scores and report; each file is there whole or not at all."""
    summary.remarks += _feedback(room, submissions)
    release.write(room.folder / "scores.csv", _scores(room, summary))
    release.write(room.folder / "report.md", _report(room, summary))


# Scores


def _scores(room, summary):
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    with Gradebook(room.database) as gradebook:
        for job in _sorted(summary.jobs):
            table.writerow(_row(gradebook, job))
        for student, assignment in missing(summary):
            own = summary.roster[student]
            names = {"last_name": own.last_name, "first_name": own.first_name}
            row = {"student": student, "assignment": assignment, "score": "", **names}
            table.writerow(row | {"see_report": "missing"})
    return text.getvalue()


def _row(gradebook, job):
    submission = job.submission
    row = {
        "student": submission.student,
        "assignment": submission.assignment,
        "submitted": submission.when.isoformat(" ", "minutes"),
        "late": submission.late,
        "see_report": "yes" if job.findings or submission.findings else "",
    }
    try:
        found = gradebook.find_submission(submission.assignment, submission.student)
    except MissingEntry:
        return row
    grades = [grade for notebook in found.notebooks for grade in notebook.grades]
    by_hand = [grade for grade in grades if grade.manual_score is not None]
    return row | {
        "last_name": found.student.last_name or "",
        "first_name": found.student.first_name or "",
        "score": f"{found.score:g}",
        "max_score": f"{found.max_score:g}",
        "machine": f"{sum(g.auto_score or 0 for g in grades if g not in by_hand):g}",
        "by_hand": f"{sum(g.manual_score for g in by_hand):g}" if by_hand else "",
        "to_mark_by_hand": sum(bool(grade.needs_manual_grade) for grade in grades),
    }


def missing(summary):
    """Who on the roster has handed in nothing, of each assignment that someone has."""
    if summary.roster is None:
        return []
    there = {(job.submission.student, job.submission.assignment) for job in summary.jobs}
    wanted = sorted({assignment for _, assignment in there})
    return [(s, a) for a in wanted for s in sorted(summary.roster) if (s, a) not in there]


def _sorted(jobs):
    return sorted(jobs, key=lambda job: (job.submission.student, job.submission.assignment))


# Report


def _report(room, summary):
    jobs = _sorted(summary.jobs)
    lines = ["# Grading report", "", _overview(room, jobs), ""]
    lines += [f"**{warning}**\n" for warning in _isolation(jobs) if "WARNING" in warning]
    failed = [f"{_place(job)}: {job.outcome['problem']}" for job in summary.not_graded()]
    lines += _section("Not graded: the next run tries these again", failed)
    odd = [(_place(job), job.submission.findings + job.findings) for job in jobs]
    first, skipped = ("CHEATING?", "READ THIS"), "NOT GRADED"
    urgent = [f"{p}: {f}" for p, found in odd for f in found if f.startswith(first)]
    lines += _section("Look at these", urgent)
    rest = [f"{p}: {f}" for p, found in odd for f in found if not f.startswith((*first, skipped))]
    lines += _section("Also odd", rest)
    late = [f"{_place(job)}: {job.submission.late} late" for job in jobs if job.submission.late]
    lines += _section("Late", late)
    lines += _section("Missing", [f"{s}, {a}" for s, a in missing(summary)])
    lines += _section("Files", summary.remarks)
    lines += ["## Isolation", "", *_isolation(jobs), ""]
    return "\n".join(lines)


def _place(job):
    return f"**{job.submission.student}**, {job.submission.assignment}"


def _section(title, items):
    return [f"## {title}", "", *(f"- {item}" for item in items), ""] if items else []


def _overview(room, jobs):
    with Gradebook(room.database) as gradebook:
        rows = [_row(gradebook, job) for job in jobs]
    by_hand = sum(int(row.get("to_mark_by_hand") or 0) for row in rows)
    text = f"{len(jobs)} submissions. "
    if by_hand:
        text += f"{by_hand} answers wait for a mark by hand (`make formgrader`). "
    return text + "Scores are in scores.csv, what students get in feedback/."


def _isolation(jobs):
    found = {json.dumps(job.outcome["isolation"]) for job in jobs if job.outcome["isolation"]}
    sentences = [sandbox.Isolation(**json.loads(one)).sentence() for one in sorted(found)]
    return sentences or ["Nothing was run."]


# Feedback


class ForStudents(ClearHiddenTests):
    """Takes hidden tests, mark schemes and the lines around a failure out of the feedback."""

    def preprocess_cell(self, cell, resources, index):
        if mend.role(cell) in (mend.TEST, mend.LOCKED):
            if "BEGIN HIDDEN TESTS" in cell.source:
                self._remove_hidden_test_region(cell)
            if "BEGIN MARK SCHEME" in cell.source:
                ClearMarkScheme()._remove_mark_scheme_region(cell)
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


def _feedback(room, submissions):
    """Write the feedback whose marks or comments have changed; returns what went wrong."""
    file = room.folder / "runs" / "feedback.json"
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        written = {}
    exporter, problems = None, []
    for submission in submissions:
        place, name = f"{submission.student}/{submission.assignment}", submission.assignment
        path = merge.autograded(room, submission)
        target = room.folder / "feedback" / submission.student / name / f"{name}.html"
        if not path.exists():
            continue
        notebook = nbformat.read(path, as_version=4)
        state = _marks(room, submission) + [notebook.metadata[merge.STORED]["key"]]
        if target.exists() and written.get(place) == state:
            continue
        exporter = exporter or _exporter(room)
        about = {"notebook": name, "assignment": name, "student": submission.student}
        resources = {"nbgrader": about | {"db_url": room.database}, "metadata": {"name": name}}
        try:
            html, _ = exporter.from_notebook_node(notebook, resources)
        except Exception as error:  # one student's text must not cost the others their feedback
            problems.append(f"no feedback could be written for {place}: {error}")
            continue
        release.write(target, html)
        written[place] = state
    release.write(file, json.dumps(written))
    return problems


def _exporter(room):
    app = GenerateFeedback(coursedir=room.api().coursedir)
    exporter = HTMLExporter(config=app.config)
    for step in (ForStudents, GetGrades, CSSHTMLHeaderPreprocessor):
        exporter.register_preprocessor(step, enabled=True)
    return exporter


def _marks(room, submission):
    """What the feedback shows besides the notebook: marks and comments."""
    with Gradebook(room.database) as gradebook:
        try:
            found = gradebook.find_submission(submission.assignment, submission.student)
        except MissingEntry:
            return []
        shown = [[g.name, g.score] for n in found.notebooks for g in n.grades]
        return sorted(shown) + sorted(
            [c.name, c.comment] for n in found.notebooks for c in n.comments
        )

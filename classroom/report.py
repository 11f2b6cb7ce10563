"""What a run leaves for the teacher: scores.csv and report.md."""

import csv
import io
from dataclasses import dataclass, field

from classroom import sandbox
from classroom.coursedir import CourseDirectory, write
from classroom.findings import Kind, line
from classroom.findings import field as safe_field

COLUMNS = (
    "student last_name first_name assignment score max_score machine by_hand to_mark_by_hand"
    " submitted late see_report"
).split()
MOST_LINES = 500  # in a section of the report


@dataclass
class Summary:
    """What the report is written from.

    Attributes:
        names: The assignments.
        remarks: On files that are no submissions.
        roster: Students by name, or None.
        jobs: All submissions.
    """

    names: list
    remarks: list = field(default_factory=list)
    roster: dict | None = None
    jobs: list = field(default_factory=list)

    def not_graded(self) -> list:
        """The jobs that could not be graded for a reason outside the submission."""
        return [job for job in self.jobs if job.problem]

    def missing(self) -> list[tuple[str, str]]:
        """Who on the roster has handed in nothing, of each assignment that someone has."""
        if self.roster is None:
            return []
        there = {job.pair for job in self.jobs}
        wanted = sorted({assignment for _, assignment in there})
        return [(s, a) for a in wanted for s in sorted(self.roster) if (s, a) not in there]


def write_all(course: CourseDirectory, summary: Summary, marks) -> None:
    """Write scores and report; each file is there whole or not at all.

    Args:
        marks: Of the gradebook, by (student, assignment).
    """
    summary.jobs.sort(key=lambda job: job.pair)
    write(course.folder / "scores.csv", _scores(summary, marks))
    write(course.folder / "report.md", _report(summary, marks))


def _scores(summary, marks):
    rows = [_row(job, marks.get(job.pair)) for job in summary.jobs]
    for student, assignment in summary.missing():
        own = summary.roster[student]
        names = {"last_name": own.last_name, "first_name": own.first_name}
        row = {"student": student, "assignment": assignment, "see_report": "missing"}
        rows.append(row | names)
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({k: safe_field(v) for k, v in row.items()} for row in rows)
    return text.getvalue()


def _row(job, marks):
    submission = job.submission
    row = {
        "student": submission.student,
        "assignment": submission.assignment,
        "submitted": submission.when.isoformat(" ", "minutes"),
        "late": submission.late,
        "see_report": "yes" if job.all_findings() else "",
    }
    if marks is None:
        return row
    return row | {
        "last_name": marks.last_name,
        "first_name": marks.first_name,
        "score": f"{marks.score:g}",
        "max_score": f"{marks.max_score:g}",
        "machine": f"{marks.machine:g}",
        "by_hand": "" if marks.by_hand is None else f"{marks.by_hand:g}",
        "to_mark_by_hand": marks.to_mark,
    }


def _report(summary, marks):
    isolation = sorted({job.isolated for job in summary.jobs if job.isolated is not None})
    lines = [f"**{sandbox.sentence(False)}**", ""] if False in isolation else []
    lines += ["# Grading report", "", _overview(summary, marks), ""]
    for kind in Kind:
        found = [
            (job.submission, finding)
            for job in summary.jobs
            for finding in job.all_findings()
            if finding.kind is kind
        ]
        told = [f"{_place(s)}: {line(f.text, 400)}" for s, f in found]
        lines += _section(kind, told + [line(r, 400) for r in summary.remarks if kind is Kind.FILE])
    late = [job.submission for job in summary.jobs if job.submission.late]
    lines += _section("Late", [f"{_place(s)}: {s.late} late" for s in late])
    lines += _section("Missing", [f"{line(s)}, {line(a)}" for s, a in summary.missing()])
    told = [sandbox.sentence(isolated) for isolated in isolation] or ["Nothing was run."]
    lines += ["## Isolation", "", *told, ""]
    return "\n".join(lines)


def _place(submission):
    return f"**{line(submission.student)}**, {line(submission.assignment)}"


def _section(title, items):
    if len(items) > MOST_LINES:
        items = [*items[:MOST_LINES], f"… and {len(items) - MOST_LINES} more"]
    return [f"## {title}", "", *(f"- {item}" for item in items), ""] if items else []


def _overview(summary, marks):
    by_hand = sum(marks[job.pair].to_mark for job in summary.jobs if job.pair in marks)
    text = f"{len(summary.jobs)} submissions. "
    if by_hand:
        text += f"{by_hand} answers wait for a mark by hand (`make formgrader`). "
    return text + "Scores are in scores.csv, what students get in feedback/."

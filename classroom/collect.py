"""Find the submissions in a folder: whose they are, of which assignment, and when they came.

Taken as they come: a folder for each student, with the notebook somewhere in it; flat files named
`student_assignment.ipynb`, as learning platforms export them; nbgrader's own `student/assignment/`.
"""

import csv
import datetime
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

ID_COLUMNS = ("id", "student", "student id", "username")


class CollectError(Exception):
    """The folder or the roster cannot be used; the message says what to do."""


@dataclass
class Submission:
    """One student's file for one assignment."""

    student: str
    assignment: str
    path: Path
    when: datetime.datetime
    late: str = ""  # by how much, in words
    findings: list = field(default_factory=list)


@dataclass
class Student:
    """One line of the roster."""

    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    due: datetime.datetime | None = None


def normal(text):
    """Text for comparing: one Unicode form, without case, accents kept."""
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFC", text)).strip().casefold()


def a_time(text):
    """A date, with or without a time, as a local time; without a time the day's last second."""
    try:
        found = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise CollectError(
            f'"{text}" is not a date: write 2026-12-01, or "2026-12-01 18:00".'
        ) from None
    if len(text.strip()) <= 10:
        found = found.replace(hour=23, minute=59, second=59)
    return found.astimezone()


def read_roster(path) -> dict[str, Student]:
    """The students of a CSV file with a column `id`, and, if there, first_name, last_name, email
    and due (an extension)."""
    path = Path(path)
    if not path.is_file():
        raise CollectError(f"There is no roster {path}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CollectError(f"{path.name} is not UTF-8: export it as CSV UTF-8.") from None
    try:
        dialect = csv.Sniffer().sniff(text.splitlines()[0], ",;\t") if text.strip() else "excel"
    except csv.Error:
        dialect = "excel"
    students = {}
    try:
        rows = list(csv.DictReader(text.splitlines(), dialect=dialect))
    except csv.Error as error:
        raise CollectError(f"{path.name} cannot be read as CSV ({error}).") from None
    columns = {normal(column or "") for column in (rows[0] if rows else ())}
    if rows and not columns & set(ID_COLUMNS):
        raise CollectError(f'{path.name} has no column "id": its first line names the columns.')
    for number, row in enumerate(rows, start=2):
        row = {normal(k or ""): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
        name = next((row[k] for k in ID_COLUMNS if row.get(k)), "")
        if not name:
            raise CollectError(f'{path.name}, line {number}: there is no value in the column "id".')
        name = safe(name)
        if name in students:
            raise CollectError(f"{path.name}, line {number}: {name} is there twice.")
        due = a_time(row["due"]) if row.get("due") else None
        fields = (row.get(k, "") for k in ("first name", "last name", "email"))
        students[name] = Student(name, *fields, due)
    if not students:
        raise CollectError(f"{path.name} has no students in it.")
    return students


def safe(name):
    """A student's name as nbgrader and file systems take it."""
    name = unicodedata.normalize("NFC", name)
    name = "".join("-" if c in '/\\:*?"<>|+[]{}' or not c.isprintable() else c for c in name)
    return name.strip().lstrip(".") or "unnamed"


def _aliases(student):
    """Ways in which platforms write a student's name."""
    first, last = student.first_name, student.last_name
    names = [student.name, student.email, student.email.partition("@")[0]]
    if first and last:
        names += [f"{first} {last}", f"{last} {first}", f"{last}, {first}", f"{last}{first}"]
    return {normal(name) for name in names if name}


def _split(stem, assignments):
    """(student, assignment) of a file's name, each "" where it says nothing."""
    stem = unicodedata.normalize("NFC", stem)
    for assignment in sorted(assignments, key=len, reverse=True):
        pattern = re.escape(assignment).replace("_", "[ _-]")
        if hit := re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", stem, re.IGNORECASE):
            before = stem[: hit.start()].strip(" _-")
            if re.fullmatch(r"(copy of|copie de|kopie von|copia de)", before, re.IGNORECASE):
                before = ""
            return before, assignment
    return stem, ""


def _student_in(name):
    """A student's name without what Moodle and Canvas put behind it."""
    name = re.sub(r"_\d+_assignsubmission_.*$", "", name)
    return re.sub(r"(_late)?(_\d+){2,}$", "", name, flags=re.IGNORECASE).strip(" _-")


def _top(folder, assignments):
    """The folder in which the students begin: an archive often unpacks into one of its own."""
    while True:
        inside = [p for p in folder.iterdir() if p.is_dir() and not _hidden(p.name)]
        if len(inside) != 1 or any(folder.glob("*.ipynb")):
            return folder
        names = {_student_in(_split(p.stem, assignments)[0]) for p in inside[0].glob("*.ipynb")}
        names |= {p.name for p in inside[0].iterdir() if p.is_dir() and any(p.rglob("*.ipynb"))}
        if len({n for n in names if n and not _split(n, assignments)[1]}) < 2:
            return folder
        folder = inside[0]


def _hidden(name):
    return name.startswith((".", "__MACOSX"))


def find(folder, assignments, guess, only="", roster=None, due=None):
    """All submissions in `folder`.

    Args:
        assignments: The names that there are.
        guess: Called with a file's path; says by its contents which assignment it is, or "".
        only: The assignment that all files are of, if given.
        roster: Students by name, or None.
        due: When the work was due, or None.

    Returns:
        The submissions, sorted, and remarks on files that are none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CollectError(f"There is no folder {folder}: SUBMISSIONS=folder with the notebooks.")
    folder = _top(folder, assignments)
    known = {alias: s.name for s in (roster or {}).values() for alias in _aliases(s)}
    found: dict[tuple[str, str], list[Submission]] = {}
    remarks = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_file() or any(map(_hidden, parts)):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            remarks.append(f"{'/'.join(parts)} is a link to another place: left alone")
            continue
        if path.suffix.lower() != ".ipynb":
            if path.name not in ("timestamp.txt",) and path.suffix.lower() not in (".csv",):
                remarks.append(f"{'/'.join(parts)} is not a notebook (.ipynb): left alone")
            continue
        student, assignment = _split(path.stem, assignments)
        folders = [p for p in parts[:-1] if _split(p, assignments)[1] != p]
        named = [a for p in parts[:-1] if (a := _split(p, assignments)[1])]
        places = [_student_in(name) for name in [*folders, student]]
        student = next((p for p in places if normal(p) in known), places[0])
        assignment = only or assignment or (named[-1] if named else "") or guess(path)
        if not assignment:
            remarks.append(f"{'/'.join(parts)}: which assignment is it? Not graded")
            continue
        if not student:
            remarks.append(f"{'/'.join(parts)}: whose is it? Not graded")
            continue
        name = known.get(normal(student), safe(student))
        submission = Submission(name, assignment, path, _when(path))
        if roster is not None and name not in roster:
            submission.findings.append("is not on the roster")
        found.setdefault((name, assignment), []).append(submission)
    for several in found.values():
        several.sort(key=lambda s: (s.when, s.path.name))
        if len(several) > 1:
            others = ", ".join(s.path.relative_to(folder).as_posix() for s in several[:-1])
            several[-1].findings.append(f"handed in more than once; not graded: {others}")
    submissions = [several[-1] for _, several in sorted(found.items())]
    for submission in submissions:
        own = (roster or {}).get(submission.student)
        limit = own.due if own and own.due else due
        if limit and submission.when > limit:
            submission.late = _in_words(submission.when - limit)
    return submissions, remarks


def _when(path):
    """When a file was handed in: by nbgrader's timestamp.txt beside it, else by its own time."""
    stamp = path.with_name("timestamp.txt")
    try:
        return datetime.datetime.fromisoformat(
            stamp.read_text(encoding="utf-8").strip().replace(" UTC", "+00:00")
        ).astimezone()
    except (OSError, ValueError):
        return datetime.datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def _in_words(delay):
    hours = delay.total_seconds() / 3600
    if hours < 1:
        return f"{max(1, round(60 * hours))} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"

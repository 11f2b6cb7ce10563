"""Find the submissions in a folder: whose they are, of which assignment, and when they came.

Taken as they come: a folder for each student, with the notebook somewhere in it; flat files named
`student_assignment.ipynb`, as learning platforms export them; nbgrader's own `student/assignment/`.
Whose a file is, the outermost name decides alone: what lies inside came from the student.
"""

import datetime
import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from dateutil import parser, tz
from nbgrader.utils import parse_utc

from classroom.findings import Finding, Kind
from classroom.roster import for_comparing, known_names, student_id

DEEPEST = 20  # folders in one another
COPY_OF = re.compile(
    r"(copy of|copie de|kopie von|copia d[ei]|cópia de|kopia( av)?|kopi a[fv]|копия|コピー)?", re.I
)
#: Names that a platform gives to whoever hands in without a name.
NOBODY = frozenset("anon anonymous participant participante teilnehmer student user".split())
#: A student's name and number in what platforms call a folder or a file.
MOODLE = r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_.*"
BLACKBOARD = r"(?:.*_)?(?P<name>[^_]+)_attempt_(?P<number>)\d{4}-\d\d.*"
EXCHANGE = r"(?P<name>[^+]+)\+[^+]+\+(?P<number>)\d{4}-\d\d-\d\d .*"  # nbgrader's own
CANVAS = r"(?P<name>.+?)(?:_late)?_(?P<number>\d+)_\d+(?:[_ (-].*)?"
WRAPPERS = frozenset(("submitted files", "working files", "submissions", "submitted"))


@dataclass
class Submission:
    """One student's file for one assignment."""

    student: str
    assignment: str
    path: Path
    when: datetime.datetime
    late: str = ""  # by how much, in words
    findings: list = field(default_factory=list)

    def note(self, text):
        self.findings.append(Finding(Kind.FILE, text))


@dataclass
class _File:
    """A notebook that was found: its name and the platform's number decide whose it is."""

    path: Path
    shown: str
    name: str
    number: str
    assignment: str


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
    folder, remarks = Path(folder), []
    known = known_names(roster)
    files = []
    for base in _bases(folder, assignments, known):
        for path in _walk(base, folder, remarks):
            try:
                if file := _file(path, base, folder, assignments, only, guess, remarks):
                    files.append(file)
            except Exception as error:  # one file must not hide the others
                remarks.append(f"{path.name} could not be looked at ({error})")
    found: dict[tuple[str, str], list[Submission]] = {}
    told_apart = _several_numbers(files, remarks)
    for file in files:
        numbered = f"{file.name} {file.number}".strip()
        name = known.get(for_comparing(numbered))
        if not name and for_comparing(file.name) in told_apart:
            name = student_id(numbered)
        name = name or known.get(for_comparing(file.name)) or student_id(file.name)
        when, problem = _when(file.path)
        submission = Submission(name, file.assignment, file.path, when)
        if problem:
            submission.note(problem)
        if roster is not None and name not in roster:
            submission.note("is not on the roster")
        found.setdefault((name, file.assignment), []).append(submission)
    for several in found.values():
        several.sort(key=lambda s: (s.when, _natural(s.path.stem)))
        if len(several) > 1:
            others = ", ".join(s.path.relative_to(folder).as_posix() for s in several[:-1])
            several[-1].note(f"handed in more than once; not graded: {others}")
    submissions = [several[-1] for _, several in sorted(found.items())]
    for submission in submissions:
        own = (roster or {}).get(submission.student)
        limit = own.due if own and own.due else due
        if limit and submission.when > limit:
            submission.late = _in_words(submission.when - limit)
    return submissions, remarks


def _hidden(name):
    return name.startswith((".", "__MACOSX"))


def _walk(base, folder, remarks):
    """The plain files under `base`, sorted; remarks on what is neither file nor folder."""
    waiting = [base]
    while waiting:
        place = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            remarks.append(f"{place.name} cannot be opened ({error.strerror}): left alone")
            continue
        for entry in entries:
            path = place / entry.name
            shown = path.relative_to(folder)
            if _hidden(entry.name):
                continue
            if entry.is_symlink():
                remarks.append(f"{shown.as_posix()} is a link to another place: left alone")
            elif entry.is_file():
                yield path
            elif not entry.is_dir():
                remarks.append(f"{shown.as_posix()} is not a plain file: left alone")
            elif len(shown.parts) > DEEPEST:
                remarks.append(f"{shown.parts[0]}: folders too deep in one another: left alone")
            else:
                waiting.append(path)


def _bases(folder, assignments, known):
    """The folders in which the students begin: archives often unpack into one of their own.

    A folder is such a wrapper only where all beside it are, so that no student can make one.
    """

    def is_student(name):
        return (
            _by_platform(name, assignments) or for_comparing(_owner(name, assignments)[0]) in known
        )

    def inside(place):
        try:
            entries = [e for e in os.scandir(place) if not _hidden(e.name) and not e.is_symlink()]
        except OSError:
            return [], []
        folders = [e.name for e in entries if e.is_dir()]
        return folders, [Path(e.name).stem for e in entries if e.name.endswith(".ipynb")]

    folders, notebooks = inside(folder)
    folders = [name for name in folders if _split(name, assignments)[1] != name]
    if notebooks or not folders or any(map(is_student, folders)):
        return [folder]
    within = [
        [*folders, *notebooks] for folders, notebooks in (inside(folder / f) for f in folders)
    ]
    wrapped = all(any(map(is_student, names)) for names in within)
    if len(folders) == 1:
        names = {n for n in within[0] if _has_notebooks(folder / folders[0] / n)}
        names |= {n for n in within[0] if _split(n, assignments)[1]}
        names = {_owner(name, assignments)[0] for name in names} - {""}
        wrapped |= len(names) > 1 or for_comparing(folders[0]) in WRAPPERS
    if not wrapped:
        return [folder]
    return [base for name in sorted(folders) for base in _bases(folder / name, assignments, known)]


def _has_notebooks(place):
    """Whether this is a folder with a notebook somewhere in it."""
    return place.is_dir() and any(p.suffix == ".ipynb" for p in _walk(place, place, []))


def _split(stem, assignments):
    """(student, assignment) of a file's name, each "" where it says nothing."""
    stem = unicodedata.normalize("NFC", stem)
    for assignment in sorted(assignments, key=len, reverse=True):
        pattern = re.escape(assignment).replace("_", "[ _-]")
        if hit := re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", stem, re.IGNORECASE):
            before = stem[: hit.start()].strip(" _-\"'“”„‘’«»「」『』()")
            return "" if COPY_OF.fullmatch(before) else before, assignment
    return stem, ""


def _by_platform(name, assignments):
    """The match of a name with a platform's way to write one, or None."""
    before, _ = _split(name, assignments)
    texts = ((MOODLE, name), (BLACKBOARD, name), (EXCHANGE, name), (CANVAS, before))
    found = (re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) for pattern, text in texts)
    return next((match for match in found if match), None)


def _owner(name, assignments):
    """A student's name and number in a folder's or a file's name, each "" where it says nothing."""
    found = _by_platform(name, assignments)
    if found:
        return found["name"].strip(" _-"), found["number"]
    return _split(name, assignments)[0].strip(" _-"), ""


def _file(path, base, folder, assignments, only, guess, remarks):
    """What a file's place and name say of it; None, with a remark, where it is no submission."""
    parts, shown = path.relative_to(base).parts, path.relative_to(folder).as_posix()
    if path.suffix.lower() != ".ipynb":
        if path.name != "timestamp.txt" and path.suffix.lower() != ".csv":
            remarks.append(f"{shown} is not a notebook (.ipynb): left alone")
        return None
    names = [name for name in parts[:-1] if _split(name, assignments)[1] != name]
    owners = [_owner(name, assignments) for name in [*names, path.stem]]
    name, number = next((owner for owner in owners if owner[0]), ("", ""))
    named = [found for part in parts[:-1] if (found := _split(part, assignments)[1])]
    assignment = only or _split(path.stem, assignments)[1] or (named[-1] if named else guess(path))
    if not assignment:
        remarks.append(f"{shown}: which assignment is it? Not graded")
    elif not name:
        remarks.append(f"{shown}: whose is it? Not graded")
    return _File(path, shown, name, number, assignment) if name and assignment else None


def _several_numbers(files, remarks):
    """Names that do not tell students apart: to one assignment they come with several numbers."""
    numbers: dict[tuple[str, str], set[str]] = {}
    for file in files:
        if file.number:
            key = for_comparing(file.name), file.assignment
            numbers.setdefault(key, set()).add(file.number)
    several = {name for (name, _), found in numbers.items() if len(found) > 1}
    remarks += [
        f"several students go by the name {name}: told apart by the platform's number"
        for name in sorted(several)
    ]
    return several | (NOBODY & {name for name, _ in numbers})


def _natural(text):
    """For sorting: x, x (2), x (10)."""
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d{1,9})", text)]


def _when(path):
    """When a file was handed in, and what is wrong with nbgrader's timestamp.txt beside it.

    Without one, it is the file's own time.
    """
    problem, stamp = "", path.with_name("timestamp.txt")
    try:
        with open(stamp, "rb") as file:
            text = file.read(200).decode("utf-8-sig").strip()
        zone = text.rpartition(" ")[2] if text.count(" ") == 2 else "UTC"
        numeric = re.fullmatch(r"[+-][\d:]+", zone)  # which nbgrader takes for seconds
        if not numeric and tz.gettz(zone) is None:
            raise ValueError(f"no time zone is called {zone}")
        found = parse_utc(parser.parse(text) if numeric else text)
        return found.replace(tzinfo=datetime.UTC).astimezone(), ""
    except FileNotFoundError:
        pass
    except Exception as error:
        problem = f"its timestamp.txt cannot be read ({error}): the file's own time was taken"
    try:
        return datetime.datetime.fromtimestamp(path.stat().st_mtime).astimezone(), problem
    except (OSError, ValueError, OverflowError):
        known = datetime.datetime.fromtimestamp(0, datetime.UTC)
        return known, "its file has an impossible time"


def _in_words(delay):
    hours = delay.total_seconds() / 3600
    if hours < 1:
        return f"{max(1, round(60 * hours))} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"

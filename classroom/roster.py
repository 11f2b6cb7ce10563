"""The students of a class, from a CSV file, and the names that platforms write for them."""

import csv
import datetime
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from classroom.coursedir import ClassroomError
from classroom.reading import whole

ID_COLUMNS = ("id", "student", "student id", "username")
LONGEST_ID = 100  # bytes: it becomes the name of files and folders


@dataclass
class Student:
    """One line of the roster."""

    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    due: datetime.datetime | None = None

    def aliases(self) -> set[str]:
        """Ways in which platforms write the name, for comparing."""
        first, last = self.first_name, self.last_name
        names = [self.name, self.email, self.email.partition("@")[0]]
        if first and last:
            names += [f"{first} {last}", f"{last} {first}", f"{last}, {first}", f"{last}{first}"]
        return {for_comparing(name) for name in names if name}


def for_comparing(text) -> str:
    """Text in one Unicode form, without case, accents kept."""
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFC", text)).strip().casefold()


def student_id(name) -> str:
    """A student's name as nbgrader and file systems take it.

    A long one, and one whose characters are not known, is cut and gets letters that tell it from
    others of the same beginning.
    """
    clean = whole(unicodedata.normalize("NFC", name))
    clean = "".join("-" if c in '/\\:*?"<>|+[]{}' or not c.isprintable() else c for c in clean)
    clean = clean.strip().lstrip(".") or "unnamed"
    if len(clean.encode()) > LONGEST_ID or "\ufffd" in clean:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        clean = f"{clean.encode()[:LONGEST_ID].decode(errors='ignore').strip()} {digest}"
    return clean


def date(text) -> datetime.datetime:
    """A date, with or without a time, as a local time; without a time the day's last second."""
    try:
        found = datetime.datetime.fromisoformat(text.strip())
        if len(text.strip()) <= 10:
            found = found.replace(hour=23, minute=59, second=59)
        return found.astimezone()
    except (ValueError, OverflowError, OSError):
        raise ClassroomError(
            f'"{text}" is not a date: write 2026-12-01, or "2026-12-01 18:00".'
        ) from None


def known_names(roster) -> dict[str, str]:
    """{a name as a platform writes it: id}; a name that two students have is not among them."""
    known: dict[str, str] = {}
    for student in (roster or {}).values():
        for alias in student.aliases():
            known[alias] = "" if known.get(alias, student.name) != student.name else student.name
    known |= {for_comparing(name): name for name in roster or ()}
    return {alias: name for alias, name in known.items() if name}


def read_roster(path) -> dict[str, Student]:
    """The students of a CSV file with a column `id`, and, if there, first_name, last_name, email
    and due (an extension)."""
    path = Path(path)
    if not path.is_file():
        raise ClassroomError(f"There is no roster {path}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ClassroomError(f"{path.name} is not UTF-8: export it as CSV UTF-8.") from None
    try:
        dialect = csv.Sniffer().sniff(text.splitlines()[0], ",;\t") if text.strip() else "excel"
    except csv.Error:
        dialect = "excel"
    students = {}
    try:
        rows = list(csv.DictReader(text.splitlines(), dialect=dialect))
    except csv.Error as error:
        raise ClassroomError(f"{path.name} cannot be read as CSV ({error}).") from None
    columns = {for_comparing(column or "") for column in (rows[0] if rows else ())}
    if rows and not columns & set(ID_COLUMNS):
        raise ClassroomError(f'{path.name} has no column "id": its first line names the columns.')
    for number, row in enumerate(rows, start=2):
        row = {for_comparing(k or ""): (v or "").strip() for k, v in row.items() if k is not None}
        name = next((row[k] for k in ID_COLUMNS if row.get(k)), "")
        if not name:
            raise ClassroomError(
                f'{path.name}, line {number}: there is no value in the column "id".'
            )
        name = student_id(name)
        if name in students:
            raise ClassroomError(f"{path.name}, line {number}: {name} is there twice.")
        due = date(row["due"]) if row.get("due") else None
        fields = (row.get(k, "") for k in ("first name", "last name", "email"))
        students[name] = Student(name, *fields, due)
    if not students:
        raise ClassroomError(f"{path.name} has no students in it.")
    return students

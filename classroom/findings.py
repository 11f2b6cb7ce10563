"""What the grader hands on: a task, what came of running it, and what is to be said of it.

Texts come from students and their programs. `line` makes a line of the report of one, `field` a
field of a table; nothing else writes such text into a file for the teacher.
"""

import enum
import re
import unicodedata
from dataclasses import dataclass
from typing import TypedDict

LONGEST = 160  # characters of a student's text in a line of the report


class Kind(enum.StrEnum):
    """What a finding is about; the report has a section for each, in this order."""

    NOT_GRADED = "Not graded: the next run tries these again"
    UNREADABLE = "Not a notebook: no points"
    LIMIT = "Ran into a limit"
    FAILED = "Fails with an error"
    REBUILT = "Put back, moved or changed"
    FILE = "Files"


@dataclass(frozen=True)
class Finding:
    """One fact about a submission, without a verdict."""

    kind: Kind
    text: str


class TaskCell(TypedDict):
    """A code cell that is to be run."""

    source: str
    kind: str  # "teacher" (the assignment's own), "student" or "test"
    name: str  # nbgrader's grade_id, or ""


class Task(TypedDict):
    """A submission that is to be run: what `execute.run` is given, here or on a Dask worker."""

    cells: list[TaskCell]
    answers: list[str]  # names that the solutions define
    files: dict[str, str]  # what lies beside the notebook, in base64
    limits: dict  # fields of `execute.Limits`
    isolated: bool


class CellResult(TypedDict):
    """What came of a code cell."""

    outputs: list[dict]  # as in a notebook
    beyond: str  # which limit it met, as a clause: "took longer than 60 seconds"; or ""


class Outcome(TypedDict):
    """What `execute.run` brings back."""

    cells: list[CellResult]  # one for each of the task's
    seconds: float
    isolated: bool | None  # None where nothing was run
    problem: str  # why it could not be graded, for a reason outside it; or ""


def stopped(task_cells: list, reason: str, problem: str = "") -> Outcome:
    """The outcome of a task none of whose cells was run."""
    error = {"output_type": "error", "ename": "Stopped", "evalue": reason, "traceback": []}
    cell = CellResult(outputs=[error], beyond="")
    return Outcome(cells=[cell for _ in task_cells], seconds=0, isolated=None, problem=problem)


def line(text, longest=LONGEST) -> str:
    """Untrusted text as a piece of a line of Markdown: no control characters, no markup."""
    text = "".join(c if _plain(c) else " " for c in str(text)[: 4 * longest])
    text = " ".join(text.split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    text = re.sub(r"([\\`*\[\]<>&~|#!]|(?<!\w)_|_(?!\w))", r"\\\1", text)
    return re.sub(r"(:)(?=//)|(?<=\bwww)(\.)", r"\\\g<0>", text)  # what would become a link


def field(text) -> str:
    """Untrusted text as a field of a table: never a formula."""
    text = "".join(c if _plain(c) else " " for c in str(text)[:LONGEST])
    return "'" + text if text.lstrip().startswith(("=", "+", "-", "@")) else text


def _plain(character):
    """Whether it is neither control nor direction mark nor half of a pair."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")

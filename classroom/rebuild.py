"""Put what a student handed in into a fresh copy of the assignment.

A submission is not repaired. Its answers are taken out and put into the assignment's own notebook,
with the teacher's tests (nbgrader's OverwriteCells does this for whole notebooks only); cells that
the student added stay where they were. What was found on the way is reported.
"""

import copy
import json
from dataclasses import dataclass, field

import nbformat

from classroom import markdown, reading
from classroom.assignment import ANSWER, LOCKED, PLAIN, TEST, Template, code_cells, name_of, role
from classroom.coursedir import write
from classroom.findings import Finding, Kind
from classroom.matching import defined, match

LONGEST = 50_000  # characters of a code cell that pages show: beyond, colouring takes minutes


@dataclass
class Rebuilt:
    """A submission in the assignment's notebook.

    Attributes:
        cells: nbformat cells.
        kinds: What each is to `execute`: "teacher", "student" or "test".
        findings: What was found on the way.
        recognised: How many answers were found.
    """

    cells: list = field(default_factory=list)
    kinds: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    recognised: int = 0

    def add(self, cell, kind):
        self.cells.append(cell)
        self.kinds.append(kind)

    def note(self, text):
        self.findings.append(Finding(Kind.REBUILT, text))


def prepare(path, template: Template, target):
    """Read a submission and write it, rebuilt, to `target`; returns what there is to run.

    Returns:
        The code cells for a task, the findings as (kind, text), and whether to run it at all.
    """
    try:
        rebuilt = rebuild(template, reading.load(path))
    except reading.NotANotebook as error:
        rebuilt = rebuild(template, [])
        rebuilt.findings = [Finding(Kind.UNREADABLE, f"{error}: no points")]
    code = code_cells(rebuilt.cells, rebuilt.kinds)
    for number, cell in enumerate(rebuilt.cells):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code" and len(cell["source"]) > LONGEST:  # to be run, not read
            cell["source"] = f"{cell['source'][:1000]}\n# … {len(cell['source'])} characters in all"
    notebook = nbformat.v4.new_notebook(cells=rebuilt.cells, metadata=template.metadata)
    write(target, json.dumps(notebook))
    found = [(finding.kind, finding.text) for finding in rebuilt.findings]
    return code, found, bool(rebuilt.recognised)


def rebuild(template: Template, cells) -> Rebuilt:
    """The assignment's notebook with the student's answers and added cells in it.

    Args:
        cells: Of the submission, as `reading.read` gives them.
    """
    matched, rebuilt = match(template, cells), Rebuilt()
    answers = [i for i, cell in enumerate(template.cells) if role(cell) == ANSWER]
    rebuilt.recognised = sum(i in matched.found for i in answers)
    if not rebuilt.recognised:
        rebuilt.note("no answer cell was recognised: is this the right assignment?")
    elif matched.unmarked:
        rebuilt.note(
            f"{matched.unmarked} cells had lost nbgrader's marks and were recognised by their"
            " text and order"
        )
    submitted = {index: cells[place] for index, place in matched.found.items()}
    added = _added(template, cells, matched, rebuilt)
    for index in answers:
        if template.cells[index]["cell_type"] == "code":
            _from_elsewhere(template, index, submitted, added, rebuilt)
    for cell in added.get(-1, []):
        rebuilt.add(_own(cell), "student")
    for index in range(len(template.cells)):
        _place(template, index, submitted, added, rebuilt)
    return rebuilt


def _same(text, released):
    return text.split() == released.split()


def _untouched(template, index, submitted):
    """Whether an answer was not written: its cell is missing, emptied or as it was released."""
    text = submitted[index]["source"] if index in submitted else ""
    return not text.strip() or _same(text, template.released[index])


def _is_setup(template, index):
    """Whether a cell of the teacher's prepares for all answers: it stands above the first."""
    return ANSWER not in map(role, template.cells[: index + 1])


def _label(template, index):
    return name_of(template.cells[index]) or f"number {index + 1}"


def _own(cell):
    """A cell of the student's own, for the rebuilt notebook."""
    if cell["cell_type"] == "code":
        return nbformat.v4.new_code_cell(cell["source"])
    if cell["cell_type"] == "raw":
        return nbformat.v4.new_raw_cell(cell["source"])
    return markdown.harmless(nbformat.v4.new_markdown_cell(cell["source"]), cell["attachments"])


def _added(template, cells, matched, rebuilt):
    """The student's own cells, by the place in the assignment that they follow."""
    own = {place: index for index, place in matched.found.items()}
    named = {name_of(c): i for i, c in enumerate(template.cells) if name_of(c)}
    added: dict[int, list] = {}
    last = -1
    for place, cell in enumerate(cells):
        if place in own:
            last = own[place]
            continue
        if place in matched.copies:
            index = named[name_of(cell)]
            part = role(template.cells[index])
            kept = part == ANSWER and not _same(cell["source"], template.released[index])
            rebuilt.note(
                f"{part} cell {name_of(cell)} was there more than once: "
                + ("the last one that was written in is the answer" if kept else "one was used")
            )
            if not kept:
                continue
        if cell["source"].strip():
            added.setdefault(last, []).append(cell)
    for index, cell in enumerate(template.cells):
        if role(cell) != LOCKED or index not in matched.found:
            continue
        changed = cells[matched.found[index]]
        if _same(changed["source"], template.released[index]) or not changed["source"].strip():
            continue
        if cell["cell_type"] == "markdown":  # an answer may have been written into its question
            more = changed["source"].replace(template.released[index].strip(), "").strip()
            added.setdefault(index, []).insert(0, changed | {"source": more})
        elif _is_setup(template, index):
            added.setdefault(index, []).insert(0, changed)
    return added


def _from_elsewhere(template, index, submitted, added, rebuilt):
    """Put no stub where what it stands for is defined in another cell of the student's."""
    label = _label(template, index)
    needed = defined(template.released[index]) or template.defines.get(label, [])
    if not needed or not _untouched(template, index, submitted):
        return
    sources = [
        (i, cell["source"])
        for i, cell in submitted.items()
        if role(template.cells[i]) == ANSWER and not _untouched(template, i, submitted)
    ]
    sources += [(i + 0.5, cell["source"]) for i, own in added.items() for cell in own]
    sources = [(i, text) for i, text in sources if set(needed) & set(defined(text))]
    if set(needed) <= {name for _, text in sources for name in defined(text)}:
        later = [text for i, text in sorted(sources) if i > index]
        submitted[index] = {"cell_type": "code", "source": "\n\n".join(later)}
        rebuilt.note(f"what answer cell {label} stands for is defined in another cell: taken there")


def _text_beside(template, index, added):
    """The text in the student's own cells beside an answer in words that was not written."""
    before, after = added.get(index - 1, []), added.get(index, [])
    beside = [c for c in before if c["cell_type"] != "code"]
    beside += [c for c in after if c["cell_type"] != "code" or not _compiles(c["source"])]
    added[index - 1] = [cell for cell in before if cell not in beside]
    added[index] = [cell for cell in after if cell not in beside]
    pictures = {n: p for cell in beside for n, p in cell["attachments"].items()}
    return "\n\n".join(cell["source"] for cell in beside), pictures


def _compiles(source):
    try:
        compile(source[:20_000], "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _place(template, index, submitted, added, rebuilt):
    """Add the assignment's cell with the student's text in it, and the own cells that follow."""
    cell, theirs = copy.deepcopy(template.cells[index]), submitted.get(index)
    part, released, label = role(cell), template.released[index], _label(template, index)
    code = cell["cell_type"] == "code"
    kind = "student" if part == ANSWER else "teacher"
    if part in (TEST, LOCKED):
        kind = "test" if part == TEST else "teacher"
        if theirs is None and part == TEST:
            rebuilt.note(f"test cell {label} was deleted: put back")
        elif theirs is not None and code and not _same(theirs["source"], released):
            also = ", then the changed one" if _is_setup(template, index) else ""
            rebuilt.note(f"{part} cell {label} was changed: the original was used{also}")
    elif part == ANSWER and not code and _untouched(template, index, submitted):
        text, pictures = _text_beside(template, index, added)
        cell["source"] = text or released
        if text:
            rebuilt.note(f"the answer {label} stands in a cell of its own beside it: taken there")
            cell = markdown.harmless(cell, pictures)
        elif theirs is None:
            rebuilt.note(f"answer cell {label} is missing")
    elif theirs is None:
        cell["source"] = released
        if part == ANSWER:
            rebuilt.note(f"answer cell {label} is missing")
    else:
        if theirs["cell_type"] != cell["cell_type"]:
            rebuilt.note(f"cell {label} had become {theirs['cell_type']}: turned back")
        changed = not _same(theirs["source"], released)
        cell["source"] = theirs["source"] if changed else released
        if not code and changed:
            cell = markdown.harmless(cell, theirs["attachments"])
        elif part == PLAIN and changed:
            kind = "student"
            first = (theirs["source"].strip() or "emptied").splitlines()[0][:60]
            rebuilt.note(f"the assignment's cell {label} was changed: {first}")
    rebuilt.add(cell, kind)
    for own in added.get(index, []):
        rebuilt.add(_own(own), "student")

"""Put what a student handed in back into the assignment's own notebook.

Notebooks come back damaged: cells copied, deleted or moved, test cells edited, nbgrader's marks
lost on the way through Colab or a converter. So a submission is not repaired. Its answers are taken
out and put into a fresh copy of the assignment, with the teacher's tests; cells that the student
added stay where they were. What was found on the way is reported.
"""

import ast
import copy
import difflib
import json
import re
from dataclasses import dataclass, field

import nbformat

ALIKE = 0.6  # cells that share this part of their text are the same cell, edited
MAX_BYTES = 30_000_000

ANSWER, TEST, LOCKED, PLAIN = "answer", "test", "locked", "plain"


class NotANotebook(Exception):
    """The file cannot be read as a notebook; the message says why."""


@dataclass
class Template:
    """An assignment as it is graded.

    Attributes:
        cells: The notebook's cells, with hidden tests.
        released: The same cells' text as students got it.
        metadata: The notebook's own metadata.
        student_names: Names that a solution defines, so that students may define them.
    """

    cells: list
    released: list
    metadata: dict
    student_names: list = field(default_factory=list)


@dataclass
class Mended:
    """A submission in the assignment's notebook: nbformat cells, each with a kind for `execute`."""

    cells: list
    kinds: list
    findings: list
    recognised: int  # answers found


def role(cell):
    """What a cell of the assignment is for."""
    marks = cell["metadata"].get("nbgrader", {})
    if marks.get("solution"):
        return ANSWER
    if marks.get("grade"):
        return TEST
    return LOCKED if marks.get("locked") or marks.get("task") else PLAIN


def name_of(cell):
    """A cell's nbgrader name, or ""."""
    marks = cell["metadata"].get("nbgrader")
    found = marks.get("grade_id") if isinstance(marks, dict) else None
    return found if isinstance(found, str) else ""


def read(content: bytes):
    """The cells of a file that should be a notebook, whatever its version.

    Raises:
        NotANotebook: It is something else.
    """
    if not content.strip():
        raise NotANotebook("the file is empty")
    if len(content) > MAX_BYTES:
        raise NotANotebook(f"the file is larger than {MAX_BYTES // 10**6} MB")
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotANotebook("the file is not a notebook (it is not JSON)") from None
    if isinstance(found, dict) and "worksheets" in found:
        try:
            found = json.loads(json.dumps(nbformat.convert(nbformat.from_dict(found), 4)))
        except Exception:
            raise NotANotebook("the file is a notebook of an old version, damaged") from None
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise NotANotebook("the file is not a notebook (it has no cells)")
    return [cell for cell in map(_clean, found["cells"]) if cell]


def _clean(cell):
    """A cell with its type, text, id and nbgrader's marks; None if it is none."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    kind = cell.get("cell_type")
    if not isinstance(source, str) or kind not in ("code", "markdown", "raw"):
        return None
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kept = {"nbgrader": metadata["nbgrader"]} if "nbgrader" in metadata else {}
    identity = cell.get("id") or metadata.get("id")
    clean = {"cell_type": kind, "source": source.replace("\r\n", "\n"), "metadata": kept}
    clean["id"] = identity if isinstance(identity, str) else ""
    if kind == "markdown" and isinstance(cell.get("attachments"), dict):
        clean["attachments"] = cell["attachments"]
    return clean


def _alike(a, b):
    a, b = a.strip(), b.strip()
    if a == b:
        return 1.0
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= ALIKE else 0.0


def _first_definition(source):
    match = re.search(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE)
    return match[1] if match else None


def _likeness(template, released, cell, solution_name):
    """How surely `cell` is this cell of the assignment, 0 to 1, by its text."""
    if template["cell_type"] != cell["cell_type"] or not cell["source"].strip():
        return 0.0
    likeness = _alike(released, cell["source"])
    if role(template) == ANSWER and solution_name and likeness < 1:
        if _first_definition(cell["source"]) == solution_name:
            likeness = max(likeness, 0.95)
    return likeness


def match(template: Template, cells):
    """Which submitted cell is which cell of the assignment.

    Returns:
        {place in the assignment: place in the submission}, the places of copies, and how many of
        the assignment's marked cells were recognised without nbgrader's mark.
    """
    found, copies = {}, set()
    named = {name_of(c): i for i, c in enumerate(template.cells) if name_of(c)}
    groups: dict[int, list[int]] = {}
    for place, cell in enumerate(cells):
        if name_of(cell) in named:
            groups.setdefault(named[name_of(cell)], []).append(place)
    for index, places in groups.items():
        stub = template.released[index].strip()
        written = [p for p in places if cells[p]["source"].strip() not in ("", stub)]
        found[index] = (written or places)[-1]  # the last one counts when a notebook is run
        copies |= set(places) - {found[index]}
    taken = set(found.values()) | copies
    identities = {c.get("id"): i for i, c in enumerate(template.cells) if c.get("id")}
    by_mark = set(found)
    for place, cell in enumerate(cells):
        index = identities.get(cell["id"])
        same_type = index is not None and template.cells[index]["cell_type"] == cell["cell_type"]
        if place not in taken and same_type and index not in found:
            found[index] = place
            taken.add(place)
    _match_by_text(template, cells, found, taken)
    _match_by_place(template, cells, found, taken)
    marked = [i for i, c in enumerate(template.cells) if name_of(c)]
    return found, copies, sum(i in found and i not in by_mark for i in marked)


def _match_by_text(template, cells, found, taken):
    """The best order-keeping match of what is left (as `diff` finds it), then in any order."""
    left = [i for i in range(len(template.cells)) if i not in found]
    free = [p for p in range(len(cells)) if p not in taken]
    names = [_first_definition(template.released[i]) for i in left]
    likeness = [
        [_likeness(template.cells[i], template.released[i], cells[p], n) for p in free]
        for i, n in zip(left, names, strict=True)
    ]
    best = [[0.0] * (len(free) + 1) for _ in range(len(left) + 1)]
    for a in range(len(left) - 1, -1, -1):
        for b in range(len(free) - 1, -1, -1):
            together = likeness[a][b] + best[a + 1][b + 1] if likeness[a][b] else 0.0
            best[a][b] = max(best[a + 1][b], best[a][b + 1], together)
    a = b = 0
    while a < len(left) and b < len(free):
        if likeness[a][b] and best[a][b] == likeness[a][b] + best[a + 1][b + 1]:
            found[left[a]] = free[b]
            taken.add(free[b])
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    for a, i in enumerate(left):
        for b, p in enumerate(free):
            if i not in found and p not in taken and likeness[a][b] >= 0.9:
                found[i] = p
                taken.add(p)


def _match_by_place(template, cells, found, taken):
    """An answer that resembles nothing is the only cell of its type between its neighbours."""
    for index, cell in enumerate(template.cells):
        if index in found or role(cell) != ANSWER:
            continue
        before = max((found[i] for i in found if i < index), default=-1)
        after = min((found[i] for i in found if i > index), default=len(cells))
        between = [
            place
            for place in range(before + 1, after)
            if place not in taken
            and cells[place]["cell_type"] == cell["cell_type"]
            and cells[place]["source"].strip()
        ]
        if len(between) == 1:
            found[index] = between[0]
            taken.add(between[0])


def mend(template: Template, cells) -> Mended:
    """The assignment's notebook with the student's answers and added cells in it."""
    found, copies, recognised_by_text = match(template, cells)
    findings = []
    answers = [i for i, c in enumerate(template.cells) if role(c) == ANSWER]
    recognised = sum(i in found for i in answers)
    if not recognised:
        findings.append("no answer cell was recognised: is this the right assignment?")
    elif recognised_by_text:
        findings.append(
            f"{recognised_by_text} cells had lost nbgrader's marks and were recognised by their"
            " text and order"
        )
    mended = Mended([], [], findings, recognised)
    own = {place: index for index, place in found.items()}
    added = _added(template, cells, own, copies, findings)
    for cell, kind in added.get(-1, []):
        mended.cells.append(cell)
        mended.kinds.append(kind)
    for index, original in enumerate(template.cells):
        cell = copy.deepcopy(original)
        submitted = cells[found[index]] if index in found else None
        kind = _place(template, index, cell, submitted, findings)
        mended.cells.append(cell)
        mended.kinds.append(kind)
        for extra, extra_kind in added.get(index, []):
            mended.cells.append(extra)
            mended.kinds.append(extra_kind)
    return mended


def _place(template, index, cell, submitted, findings):
    """Put the student's text into a copy of the assignment's cell; returns the cell's kind."""
    part, released = role(cell), template.released[index]
    label = name_of(cell) or f"number {index + 1}"
    same = submitted is not None and submitted["source"].strip() == released.strip()
    if part in (TEST, LOCKED):
        if submitted is None and part == TEST:
            findings.append(f"test cell {label} was deleted: put back")
        elif submitted is not None and not same and cell["cell_type"] == "code":
            findings.append(f"{part} cell {label} was changed: the original was used")
        return "test" if part == TEST else "teacher"
    if submitted is None:
        if part == ANSWER:
            findings.append(f"answer cell {label} is missing")
            cell["source"] = released
        return "student" if part == ANSWER else "teacher"
    if submitted["cell_type"] != cell["cell_type"]:
        findings.append(f"cell {label} had become {submitted['cell_type']}: turned back")
    cell["source"] = released if same else submitted["source"]
    if "attachments" in submitted and cell["cell_type"] == "markdown":
        cell["attachments"] = submitted["attachments"]
    if cell["cell_type"] == "code" and part == PLAIN and same:
        return "teacher"
    if cell["cell_type"] == "code" and part == PLAIN:
        findings.append(f"the assignment's cell {label} was changed: {_first_line(cell)}")
    return "student"


def _added(template, cells, own, copies, findings):
    """The student's own cells, after the place in the assignment that they follow."""
    added: dict[int, list] = {}
    last = -1
    for place, cell in enumerate(cells):
        if place in own:
            last = own[place]
            continue
        index = next((i for i, c in enumerate(template.cells) if name_of(c) == name_of(cell)), None)
        if place in copies:
            part = role(template.cells[index])
            kept = part == ANSWER and cell["source"].strip() != template.released[index].strip()
            findings.append(
                f"{part} cell {name_of(cell)} was there more than once: "
                + ("the last one that was written in is the answer" if kept else "one was used")
            )
            if not kept:
                continue
        if cell["source"].strip():
            extra = {"cell_type": cell["cell_type"], "source": cell["source"], "metadata": {}}
            if cell["cell_type"] == "code":
                extra |= {"outputs": [], "execution_count": None}
            if "attachments" in cell:
                extra["attachments"] = cell["attachments"]
            added.setdefault(last, []).append((nbformat.from_dict(extra), "student"))
    return added


def _first_line(cell):
    lines = cell["source"].strip().splitlines()
    return repr(lines[0][:60]) if lines else "emptied"


#: What answers have no need of, and cheats do.
ODD_CALLS = {
    *("_getframe", "_current_frames", "settrace", "setprofile", "get_ipython", "get_objects"),
    *("get_referrers", "displayhook", "showtraceback", "set_custom_exc", "ast_transformers"),
    *("input_transformers_post", "publish_display_data", "__code__", "f_globals", "f_locals"),
    *("_exit", "kill", "killpg", "system", "popen", "fork", "_ih", "user_ns", "user_global_ns"),
    *("In", "_i", "_ii", "_iii", "setattr", "delattr", "globals", "vars", "exec", "eval"),
    *("__dict__", "__globals__", "modules", "last_traceback", "tb_frame"),
}
ODD_MODULES = {
    *("subprocess", "socket", "ctypes", "inspect", "linecache", "builtins", "gc", "requests"),
    *("urllib", "http", "signal", "atexit", "ptrace", "multiprocessing", "IPython", "nbgrader"),
    *("sqlite3", "ftplib", "smtplib", "threading", "_thread", "_course_guard"),
}
ODD_TEXT = re.compile(
    r"gradebook|\.\./|^\.\.$|^/\w[\w./-]*|^~|_course_guard|x-course-seal|source/|autograded|submitted/"
)
ODD_METHODS = {"__eq__", "__ne__", "__array_function__", "__array_ufunc__"}


def odd_code(source):
    """Things in a student's code that a teacher should read, in words."""
    try:
        tree = ast.parse(re.sub(r"^\s*[%!].*$", "pass", source, flags=re.MULTILINE))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    odd = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ODD_CALLS:
            odd.add(node.attr)
        elif isinstance(node, ast.Name) and node.id in ODD_CALLS | {"__builtins__", "__import__"}:
            odd.add(node.id)
        elif isinstance(node, ast.Import):
            odd |= {a.name for a in node.names if a.name.partition(".")[0] in ODD_MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.partition(".")[0] in ODD_MODULES:
                odd.add(node.module)
        elif isinstance(node, ast.FunctionDef) and node.name in ODD_METHODS:
            odd.add(f"a class with {node.name}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if hit := ODD_TEXT.search(node.value):
                odd.add(f'the text "{hit[0]}"')
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            base = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            modules = ("np", "numpy", "keras", "tf", "tensorflow", "math", "builtins", "sys")
            if isinstance(base, ast.Name) and base.id in modules:
                odd.add(f"an assignment to {ast.unparse(node)}")
    return sorted(odd)

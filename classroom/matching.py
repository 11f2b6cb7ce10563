"""Which submitted cell is which cell of the assignment: by mark, by id, by text, by place.

Notebooks come back damaged: cells copied, deleted or moved, test cells edited, nbgrader's marks
lost on the way through Colab or a converter.
"""

import re
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from classroom.assignment import ANSWER, Template, name_of, role

ALIKE = 62  # cells that share this percentage of their text are the same cell, edited
SURELY = 90  # so much that their order does not matter

DEFINITION = re.compile(r"^(?:async )?(?:def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]*)?=(?!=)", re.M)


@dataclass
class Match:
    """Which cell is which.

    Attributes:
        found: {place in the assignment: place in the submission}.
        copies: Places in the submission of further cells with the same mark.
        unmarked: How many marked cells of the assignment were recognised without their mark.
    """

    found: dict = field(default_factory=dict)
    copies: set = field(default_factory=set)
    unmarked: int = 0

    def add(self, index, place):
        self.found[index] = place

    def free(self, place):
        return place not in self.copies and place not in self.found.values()


def defined(source) -> list[str]:
    """The names that a student's cell defines at its top level, also where it does not compile."""
    return [function or name for function, name in DEFINITION.findall(source)]


def match(template: Template, cells) -> Match:
    """Recognise the assignment's cells among the submission's."""
    result = Match()
    named = {name_of(c): i for i, c in enumerate(template.cells) if name_of(c)}
    groups: dict[int, list[int]] = {}
    for place, cell in enumerate(cells):
        if name_of(cell) in named:
            groups.setdefault(named[name_of(cell)], []).append(place)
    for index, places in groups.items():
        stub = template.released[index].strip()
        written = [p for p in places if cells[p]["source"].strip() not in ("", stub)]
        result.add(index, (written or places)[-1])  # the last counts when a notebook is run
        result.copies |= set(places) - {result.found[index]}
    by_mark = set(result.found)
    identities = {c.get("id"): i for i, c in enumerate(template.cells) if c.get("id")}
    for place, cell in enumerate(cells):
        index = identities.get(cell["id"])
        same_type = index is not None and template.cells[index]["cell_type"] == cell["cell_type"]
        if same_type and index not in result.found and result.free(place):
            result.add(index, place)
    _by_text(template, cells, result)
    _by_place(template, cells, result)
    result.unmarked = sum(i in result.found and i not in by_mark for i in named.values())
    return result


def _likeness(template, index, cell):
    """How surely `cell` is this cell of the assignment by its text: 0, or ALIKE to 100."""
    own, released = template.cells[index], template.released[index].strip()
    text = cell["source"].strip()
    if own["cell_type"] != cell["cell_type"] or not text:
        return 0
    likeness = fuzz.ratio(released, text, score_cutoff=ALIKE)
    if role(own) == ANSWER and likeness < 95 and own["cell_type"] == "code":
        first = next(iter(defined(released)), None)
        if first and first == next(iter(defined(text)), None):
            return 95
    return likeness


def _by_text(template, cells, result):
    """The best order-keeping match of what is left (as `diff` finds it), then in any order."""
    left = [i for i in range(len(template.cells)) if i not in result.found]
    free = [p for p in range(len(cells)) if result.free(p)]
    likeness = [[_likeness(template, i, cells[p]) for p in free] for i in left]
    best = [[0.0] * (len(free) + 1) for _ in range(len(left) + 1)]
    for a in range(len(left) - 1, -1, -1):
        for b in range(len(free) - 1, -1, -1):
            together = likeness[a][b] + best[a + 1][b + 1] if likeness[a][b] else 0
            best[a][b] = max(best[a + 1][b], best[a][b + 1], together)
    a = b = 0
    while a < len(left) and b < len(free):
        if likeness[a][b] and best[a][b] == likeness[a][b] + best[a + 1][b + 1]:
            result.add(left[a], free[b])
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    for a, index in enumerate(left):
        for b, place in enumerate(free):
            if index not in result.found and result.free(place) and likeness[a][b] >= SURELY:
                result.add(index, place)


def _by_place(template, cells, result):
    """An answer that resembles nothing is the only cell of its type between its neighbours."""
    for index, cell in enumerate(template.cells):
        if index in result.found or role(cell) != ANSWER:
            continue
        before = max((p for i, p in result.found.items() if i < index), default=-1)
        after = min((p for i, p in result.found.items() if i > index), default=len(cells))
        between = [
            place
            for place in range(before + 1, after)
            if result.free(place)
            and cells[place]["cell_type"] == cell["cell_type"]
            and cells[place]["source"].strip()
        ]
        if len(between) == 1:
            result.add(index, between[0])

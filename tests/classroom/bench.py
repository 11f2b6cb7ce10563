"""Tries answers against an assignment's tests: many in one kernel, or one each in its own."""

import ast

import nbformat

from classroom import assignment, execute, sandbox
from classroom.examiner import names_read
from classroom.kernel import Kernel, Lost

ISOLATED = not sandbox.why_not()

LIMITS = {"cell_seconds": 120, "seconds": 900, "memory_gb": 3, "output_kb": 100}
BOUNDS = ("### BEGIN SOLUTION", "### END SOLUTION")


def unmarked(source):
    """A solution without the lines that mark it."""
    return "\n".join(x for x in source.splitlines() if x.strip() not in BOUNDS)


def a_task(notebook, answers=None, own=(), limits=LIMITS):
    """A source notebook as a task, with the solutions, or other answers, in it.

    Args:
        notebook: With hidden tests and solutions.
        answers: grade_id -> what is answered; elsewhere the solution stays.
        own: Cells of the student's: (grade_id before which it stands, or "" for the end, source).
    """
    cells, names = [], set()
    kinds = {assignment.ANSWER: "student", assignment.TEST: "test"}
    for cell in notebook.cells:
        name, role = assignment.name_of(cell), assignment.role(cell)
        if cell.cell_type != "code":
            continue
        source = unmarked(cell.source)
        if role == assignment.ANSWER:
            names |= set(assignment.names_bound(source))
            source = (answers or {}).get(name, source)
        cells += [{"source": s, "kind": "student", "name": ""} for at, s in own if at == name]
        cells.append({"source": source, "kind": kinds.get(role, "teacher"), "name": name})
    cells += [{"source": s, "kind": "student", "name": ""} for at, s in own if not at]
    return {
        "cells": cells, "answers": sorted(names), "files": {}, "limits": LIMITS | limits,
        "isolated": ISOLATED,
    }  # fmt: skip


def passed(task, outcome):
    """The tests of a task that passed, by name."""
    assert not outcome["problem"], outcome["problem"]
    pairs = zip(task["cells"], outcome["cells"], strict=True)
    return {c["name"] for c, r in pairs if c["kind"] == "test" and earns(r)}


def earns(result):
    """Whether a test's result earns a point by nbgrader's own rule, which looks at all outputs."""
    marks = {"grade": True, "solution": False, "points": 1.0, "grade_id": "test"}
    cell = {"cell_type": "code", "source": "", "metadata": {"nbgrader": marks}}
    return assignment.points([cell], [result]) > 0


class Bench:
    """A kernel and an examiner of an assignment, for as many tries as one likes.

    Args:
        notebook: The assignment's source; its solutions are run first.
    """

    def __init__(self, notebook):
        self.notebook = notebook
        self.worker, self.run = execute.Worker(), None

    def _start(self):
        task = a_task(self.notebook)
        self.places = {cell["name"]: i for i, cell in enumerate(task["cells"]) if cell["name"]}
        self.run = execute.Run(task, {}, self.worker.examiner_for(task, {}))
        self.run.examination()
        self.run.kernel = Kernel({}, self.run.limits, ISOLATED)
        for index, cell in enumerate(task["cells"]):
            if cell["kind"] != "test":
                self.run.cell(index, cell["source"], cell["kind"])

    def tests_of(self, answer):
        """The names of the tests that use what an answer cell defines, itself or through others."""
        cells = self.run.cells
        wanted = set(assignment.names_bound(cells[self.places[answer]]["source"]))
        for cell in cells:
            for node in ast.parse(cell["source"]).body if cell["kind"] == "teacher" else ():
                if hasattr(node, "name") and names_read(node) & wanted:
                    wanted.add(node.name)
        tests = [cell for cell in cells if cell["kind"] == "test"]
        return {cell["name"] for cell in tests if names_read(ast.parse(cell["source"])) & wanted}

    def try_out(self, answer, source, before=""):
        """Put another source in an answer's place, for once.

        Args:
            before: A cell of the student's that is run first.

        Returns:
            The result of each test that uses the answer, by its name.
        """
        if self.run is None:
            self._start()
        cells, results = self.run.cells, {}
        try:
            for text in (before, source):
                if text:
                    self.run.kernel.run(text)
            for name in sorted(self.tests_of(answer)):
                index = self.places[name]
                self.run.written = 0
                try:
                    self.run.test(index, cells[index]["source"])
                finally:
                    results[name] = self.run.results[index]
            self.run.kernel.run(cells[self.places[answer]]["source"])
        except Lost:
            self.close_kernel()
        return results

    def close_kernel(self):
        if self.run:
            self.run.kernel.close()
        self.run = None

    def close(self):
        self.close_kernel()
        self.worker.close()


def read(path):
    return nbformat.read(path, as_version=4)

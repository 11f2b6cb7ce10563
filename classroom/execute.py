"""Run submissions: the student's notebook in one process, the tests in another.

python -m classroom.execute: a line of JSON on standard input is a task, one on standard output its
result. Such a worker starts a kernel for each submission, in a sandbox of its own, and keeps an
examiner for the assignment, which runs the tests and asks the kernel for what the answers give.
A cell that ends the kernel is left out and the notebook run again without it, so that a mistake in
one task does not cost the others.
"""

import base64
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from classroom import examiner, findings, sandbox, wire
from classroom.kernel import GRACE, Kernel, Lost, error, failed, shipped

RESTARTS = 6
IDLE_SECONDS = 60  # after which an examiner that nobody needs is ended
OUTPUTS = 10  # a whole notebook may write this many times what a cell may


class NotGraded(Exception):
    """What keeps a submission from being graded, in words: no fault of the student's."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell_seconds: float = 60
    seconds: float = 240
    memory_gb: float = 3.0
    output_kb: float = 500  # of one cell


class Examination:
    """The examiner's process, in a sandbox as well: what it tests is data from a student.

    Args:
        cells: The sources of the assignment's own cells, and the names of its answers.
    """

    def __init__(self, cells, answers, files, limits, isolated):
        code = f"{shipped(wire, examiner)}\nimport sys\nsys.modules['classroom.examiner'].main()"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.limits, self.buffer, self.seconds = limits, b"", None
        argv = [sandbox.PYTHON, "-c", code]
        self.box = sandbox.Sandbox(argv, files, isolated, limits.memory_gb, **pipes)
        self.most = limits.cell_seconds * (1 + len(cells))
        self._send({"prepare": cells, "answers": answers})

    def prepared(self):
        """The seconds that each of the assignment's cells took.

        Raises:
            NotGraded: One of them fails, or met a limit.
        """
        if self.seconds is None:
            try:
                received = self._receive(time.monotonic() + self.most)
            except Lost as lost:
                raise NotGraded(f"the assignment's own cells {lost}") from None
            if received and (told := received.get("failed")):
                why = f"{told['ename']}: {told['evalue']}"
                raise NotGraded(f"a cell of the assignment fails: {why[:200]}")
            self.seconds = received["seconds"] if received else [self.most]
        if max(self.seconds, default=0) > self.limits.cell_seconds:
            limit = f"{self.limits.cell_seconds:g} seconds"
            raise NotGraded(f"a cell of the assignment took longer than {limit}")
        return self.seconds

    def test(self, source, ask):
        """Run a test; returns its outputs, and which limit it met (or "").

        Args:
            ask: Takes a request for the student's kernel, the name of what it is about, and the
                seconds that are left; gives what is to be sent back.

        Raises:
            Lost: The examiner is gone.
        """
        self.prepared()
        deadline, beyond = time.monotonic() + self.limits.cell_seconds, ""
        self._send({"test": source})
        while True:
            received = self._receive(deadline)
            if received is None:
                if beyond:
                    raise Lost(beyond)
                beyond = f"took longer than {self.limits.cell_seconds:g} seconds"
                deadline = time.monotonic() + GRACE
                self.box.interrupt()
            elif "request" in received:
                left = deadline - time.monotonic()
                self._send(ask(received["request"], received["label"], left))
            else:
                failure = received.get("failed")
                return [failure] if failure else received["outputs"], beyond

    def _send(self, thing):
        try:
            self.box.process.stdin.write(json.dumps(thing).encode() + b"\n")
            self.box.process.stdin.flush()
        except OSError:
            raise Lost("ended") from None

    def _receive(self, deadline):
        """The next line, or None when there was none in time."""
        pipe = self.box.process.stdout.fileno()
        while b"\n" not in self.buffer:
            if time.monotonic() > deadline:
                return None
            if memory := self.box.over():
                raise Lost(memory)
            if select.select([pipe], [], [], 0.1)[0]:
                piece = os.read(pipe, 1 << 20)
                if not piece:
                    raise Lost("ended")
                self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def close(self):
        self.box.kill()


class Run:
    """One submission's way through the kernel and the examiner.

    Args:
        examination: Gives the assignment's examiner, a new one where the last was lost.
    """

    def __init__(self, task, files, examination):
        self.task, self.files, self.examination = task, files, examination
        self.limits, self.cells = Limits(**task["limits"]), task["cells"]
        self.deadline = time.monotonic() + self.limits.seconds
        self.left_out, self.results, self.written = {}, {}, 0
        self.kernel, self.said = None, []

    def to_the_end(self):
        """Run all cells, again where the kernel was lost.

        Returns:
            A result for each cell, {"outputs", "beyond"}.

        Raises:
            NotGraded: It is the machine that is at fault, or the assignment.
        """
        for _ in range(RESTARTS + 1):
            try:
                self.examination()  # starts while the kernel does
                self.kernel = Kernel(self.files, self.limits, self.task["isolated"])
                self._attempt()
                break
            except Lost as lost:
                if self.kernel is None:
                    raise NotGraded(str(lost)) from None
            finally:
                if self.kernel:
                    self.kernel.close()
                self.kernel = None
        for index in range(len(self.cells)):
            if index not in self.results:
                self._stopped(index, "was not reached: cells before it ended the kernel")
        return [self.results[index] for index in range(len(self.cells))]

    def _attempt(self):
        for index, cell in enumerate(self.cells):
            kind = cell["kind"]
            if kind == "test" and index in self.results:
                continue
            if not cell["source"].strip():
                self._result(index, [])
            elif index in self.left_out:
                self._stopped(index, self.left_out[index])
            elif time.monotonic() > self.deadline:
                self._stopped(index, "was not reached in the time for the whole notebook")
            elif kind == "test":
                self.test(index, cell["source"])
            else:
                self.cell(index, cell["source"], kind)

    def _stopped(self, index, reason):
        self._result(index, [error("Stopped", f"this cell {reason}")], reason)

    def _result(self, index, outputs, beyond=""):
        size = len(json.dumps(outputs))
        if self.written + size > OUTPUTS * self.limits.output_kb * 1000:
            note = "(left out: the notebook has written too much)\n"
            outputs = [o for o in outputs if failed([o])][:1]
            outputs.append({"output_type": "stream", "name": "stdout", "text": note})
        self.written += size
        self.results[index] = {"outputs": outputs, "beyond": beyond}

    def cell(self, index, source, kind):
        """Run a cell of the student's or of the assignment's own.

        Raises:
            Lost: The kernel; the cell that is to be left out is noted.
            NotGraded: The machine is at fault.
        """
        try:
            outputs, beyond = self.kernel.run(source)
            if kind == "student" and failed(outputs) and not beyond:
                self.kernel.define(source)
        except Lost as lost:
            self._blame(index, str(lost))
            raise
        if kind == "teacher" and beyond:
            self._blame(index, beyond)
            raise Lost(beyond)
        self._result(index, outputs, beyond)

    def _blame(self, index, reason):
        """Leave out the cell that met a limit; where that is the teacher's, the student's before.

        The same cell ran in the examiner, with nothing of the student's beside it: where it was
        slow there too, the machine is at fault.
        """
        if self.cells[index]["kind"] == "teacher":
            own = [i for i, cell in enumerate(self.cells) if cell["kind"] == "teacher"]
            seconds = self.examination().prepared()[own.index(index)]
            before = [i for i in range(index) if self.cells[i]["kind"] == "student"]
            before = [
                i for i in before if i not in self.left_out and self.cells[i]["source"].strip()
            ]
            if not before or seconds > self.limits.cell_seconds / 4:
                raise NotGraded(f"{self.cells[index].get('name') or 'a cell of ours'} {reason}")
            index, reason = before[-1], f"left something behind: a cell below it {reason}"
        self.left_out[index] = reason

    def test(self, index, source):
        """Run a test cell.

        Raises:
            Lost: The kernel, or the examiner; the test has its result all the same.
        """
        self.said, lost = [], ""

        def ask(request, label, seconds):
            nonlocal lost
            if lost:
                return {"lost": lost}
            try:
                reply, said, beyond = self.kernel.call(request, max(seconds, 0.1))
            except Lost as reason:
                lost = f"{label} {reason}"
                return {"lost": lost}
            self.said += [output for output in said if not failed([output])]
            if reply and not beyond:
                return {"reply": reply}
            if beyond:
                reasons.append(f"{label} {beyond}")
            told = [f"{o['ename']}: {o['evalue']}" for o in said if failed([o])]
            return {"lost": f"{label} {beyond or ' '.join(['gave no answer', *told])}"}

        reasons = []
        try:
            outputs, beyond = self.examination().test(source, ask)
        except Lost as gone:
            self.examination().close()
            outputs, beyond = [error("Stopped", f"this test {gone}")], str(gone)
            lost = lost or beyond
        beyond = lost or " ".join(reasons[:1]) or beyond
        self._result(index, [*map(_said, self.said), *outputs], beyond)
        if lost:
            raise Lost(lost)


def _said(output):
    """What an answer wrote during a test, as what decides on no points.

    nbgrader takes what stands on stderr for a failure, and a cell's value for points.
    """
    if output["output_type"] == "execute_result":
        return {"output_type": "display_data", "data": output["data"], "metadata": {}}
    return output | ({"name": "stdout"} if output["output_type"] == "stream" else {})


class Worker:
    """Runs tasks one after the other in this process, and keeps the last assignment's examiner."""

    def __init__(self):
        self.key, self.kept = None, None

    def do(self, task):
        """Run a task; returns its outcome."""
        start = time.monotonic()
        files = {name: base64.b64decode(text) for name, text in task["files"].items()}
        examination = self.examiner_for(task, files)
        try:
            cells = Run(task, files, examination).to_the_end()
            examination().prepared()
        except (NotGraded, sandbox.Refused, OSError) as reason:
            return findings.stopped(task["cells"], str(reason), str(reason))
        seconds = round(time.monotonic() - start, 2)
        isolated = task["isolated"]
        return findings.Outcome(cells=cells, seconds=seconds, isolated=isolated, problem="")

    def examiner_for(self, task, files):
        """A function that gives the assignment's examiner, a new one where there is none."""
        own = [cell["source"] for cell in task["cells"] if cell["kind"] == "teacher"]
        about = own, task["answers"], files, Limits(**task["limits"]), task["isolated"]

        def examination():
            if self.key != about or self.kept.box.process.poll() is not None:
                self.close()
                self.key, self.kept = about, Examination(*about)
            return self.kept

        return examination

    def close(self):
        if self.kept:
            self.kept.close()
        self.key, self.kept = None, None


def run(task):
    """Run a task in a worker; what `grade` and each Dask worker calls.

    Args:
        task: {"cells": [{"source", "kind", "name"}], "answers": [...], "files": {name: base64},
            "limits": {...}, "isolated": bool}; a kind is "teacher" (the assignment's own),
            "student" or "test"; `answers` are the names that the answer cells are to define.

    Returns:
        {"cells": [{"outputs", "beyond"}], "seconds", "isolated", "problem"}; `problem` is ""
        unless it could not be graded, which is no fault of the student's.
    """
    try:
        worker = _idle.get_nowait()
    except queue.Empty:
        worker = None
    if worker is None or worker.poll() is not None:
        argv = [sandbox.PYTHON, "-m", "classroom.execute"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        worker = subprocess.Popen(argv, cwd=sandbox.COURSE, **pipes)
    seconds = 2 * task["limits"]["seconds"] + 120
    timer = threading.Timer(seconds, worker.kill)
    timer.start()
    try:
        worker.stdin.write(json.dumps(task).encode() + b"\n")
        worker.stdin.flush()
        result = json.loads(worker.stdout.readline())
        _idle.put(worker)
        return result
    except (OSError, ValueError):
        worker.kill()
        last = (worker.stderr.read().decode(errors="replace").strip().splitlines() or [""])[-1]
        late = not timer.is_alive()
        problem = f"the grading took longer than {seconds:g} seconds" if late else ""
        problem = problem or f"the grading itself failed: {last or worker.wait()}"
        return findings.stopped(task["cells"], problem, problem)
    finally:
        timer.cancel()


_idle = queue.LifoQueue()


def main():
    """Do the tasks on standard input until it ends, or whoever started this does."""
    worker, results = Worker(), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        while True:
            if not select.select([0], [], [], IDLE_SECONDS)[0]:
                worker.close()
            elif line := sys.stdin.readline():
                results.write(json.dumps(worker.do(json.loads(line))) + "\n")
                results.flush()
            else:
                break
    finally:
        worker.close()


if __name__ == "__main__":
    main()

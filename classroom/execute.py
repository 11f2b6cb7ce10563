"""Run one notebook in a sandbox, with limits, and bring its outputs back.

python -m classroom.execute task.json result.json

A process of its own for each submission. It speaks with the kernel, which is the student's and not
to be trusted: it takes text and pictures from it, counts them, and ends it when it takes too long.
A cell that hangs, or that ends its kernel, is left out and the rest is run again without it, so
that a mistake in one task does not cost the others.
"""

import ast
import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from classroom import guard, sandbox

GUARD = "_course_guard"
GRACE = 5  # seconds that an interrupted cell has to end
RESTARTS = 3
START_SECONDS = 60
PROCESSES = 100
PARENT = os.getppid()
PICTURES = ("image/png", "image/jpeg")


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell_seconds: float = 60
    seconds: float = 240
    memory_gb: float = 3.0
    output_kb: float = 500  # of one cell


class KernelLost(Exception):
    """The kernel is gone; the message says why, in words for the report."""


class Kernel:
    """An IPython kernel in a sandbox."""

    def __init__(self, isolation, files, limits):
        self.limits = limits
        # Short, since the path of a socket may have no more than about 100 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="course-")).resolve()
        self.process, self.client = None, None
        self._looked = 0.0
        try:
            self._start(isolation, files)
        except BaseException as error:
            self.close()
            if isinstance(error, KernelLost):
                raise KernelLost("the kernel did not start") from None
            raise

    def _start(self, isolation, files):
        shared, work = self.folder / "s", self.folder / "work"
        shared.mkdir()
        work.mkdir()
        for name, content in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(base64.b64decode(content))
        connection = str(shared / "kernel.json")
        own_network = isolation.level != sandbox.LIMITS
        key = secrets.token_hex(16).encode()
        if own_network:
            write_connection_file(connection, transport="ipc", ip=str(shared / "k"), key=key)
        else:
            write_connection_file(connection, key=key)
        os.chmod(connection, 0o644)
        options = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"]
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", connection, *options]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = sandbox.start(argv, self.folder, shared, isolation, **quiet)
        self.client = BlockingKernelClient(connection_file=connection)
        self.client.load_connection_file()
        self.client.start_channels(stdin=False, hb=False)
        self._wait_for_start()
        if own_network and os.geteuid() == 0:
            os.chown(shared, 0, 0)  # the sockets are there: nothing more is to be written here
        source = Path(guard.__file__).read_text(encoding="utf-8")
        self.tell(
            "import sys as _sys, types as _types\n"
            f"_module = _types.ModuleType({GUARD!r})\n"
            f"exec(compile({source!r}, {GUARD!r}, 'exec'), _module.__dict__)\n"
            f"_sys.modules[{GUARD!r}] = _module\n"
            "del _sys, _types, _module"
        )

    def _wait_for_start(self):
        """Wait until the kernel has answered on both of its channels."""
        deadline, heard = time.monotonic() + START_SECONDS, set()
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise KernelLost("the kernel did not start")
            self.client.kernel_info()
            ask_again = time.monotonic() + 0.3
            while time.monotonic() < ask_again:
                heard |= {received["msg_type"] for received in self._messages(0.02)}
                if heard >= {"kernel_info_reply", "status"}:
                    return
        raise KernelLost(f"the kernel did not start within {START_SECONDS} seconds")

    def tell(self, code):
        """Run code of the grader's own; returns what `guard` publishes."""
        outputs, _ = self.run(code, ours=True)
        return [o["data"][guard.MIME] for o in outputs if guard.MIME in o.get("data", {})]

    def run(self, code, ours=False, kept=True):
        """Run a cell; returns its outputs, and what went beyond a limit (or "").

        `ours`: the grader's own, without outputs. `kept`: IPython's `In` shows it later.

        Raises:
            KernelLost: It ended, or was ended since it went on after it was interrupted.
        """
        seconds, kept = self.limits.cell_seconds, kept and not ours
        message = self.client.execute(code, silent=ours, store_history=kept, allow_stdin=False)
        outputs, size, beyond = [], 0, ""
        deadline = time.monotonic() + seconds
        replied = idle = False
        while not (replied and idle):
            now = time.monotonic()
            if memory := self._too_large():
                self._lose(memory)
            if now > deadline:
                if beyond:
                    self._lose(f"{beyond}, and went on when it was interrupted")
                if replied:
                    break  # the end of its output was lost
                beyond = f"took longer than {seconds:g} seconds"
                deadline = now + GRACE
                self._interrupt()
            for received in self._messages(0.05):
                if received["parent_header"].get("msg_id") != message:
                    continue
                kind, content = received["msg_type"], received["content"]
                if not isinstance(content, dict):
                    continue
                if kind == "execute_reply":
                    replied = True
                    deadline = min(deadline, time.monotonic() + GRACE)
                    if content.get("status") == "error" and not _failed(outputs):
                        outputs.append(_error(content.get("ename"), content.get("evalue")))
                elif kind == "status":
                    idle = idle or content.get("execution_state") == "idle"
                elif output := _output(kind, content):
                    size += len(json.dumps(output))
                    if size <= self.limits.output_kb * 1000:
                        outputs.append(output)
                    elif not beyond:
                        beyond = f"wrote more than {self.limits.output_kb:g} kB"
                        deadline = time.monotonic() + GRACE
                        self._interrupt()
        if beyond:
            outputs.append(_error("Limit", beyond))
        return _joined(outputs), beyond

    def _messages(self, seconds):
        found = []
        channels = (self.client.iopub_channel, self.client.shell_channel)
        for channel, wait in zip(channels, (seconds, 0), strict=True):
            for _ in range(100):
                try:
                    if not channel.socket.poll(1000 * wait if not found else 0):
                        break
                    found.append(channel.get_msg(timeout=1))
                except Exception:  # what the kernel sends may be anything
                    break
        if not found and self.process.poll() is not None:
            raise KernelLost("ended the kernel")
        return found

    def _too_large(self):
        """Sum the memory of everything in the sandbox."""
        now = time.monotonic()
        if now < self._looked + 0.1:
            return ""
        self._looked = now
        if os.getppid() != PARENT:  # what started the grading is gone
            self._kill()
            sys.exit("nobody waits for this result")
        used = count = 0
        try:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                count += 1
                try:
                    used += process.memory_info().rss
                except psutil.Error:
                    continue
        except psutil.Error:
            return ""
        if used > self.limits.memory_gb * 1e9:
            return f"used more than {self.limits.memory_gb:g} GB of memory"
        return f"started more than {PROCESSES} processes" if count > PROCESSES else ""

    def _interrupt(self):
        try:
            os.killpg(self.process.pid, signal.SIGINT)
        except (OSError, AttributeError):
            self.process.terminate()

    def _lose(self, reason):
        self._kill()
        raise KernelLost(reason)

    def _kill(self):
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (OSError, AttributeError):
                self.process.kill()
            self.process.wait(10)

    def close(self):
        """End everything in the sandbox, at once."""
        if self.client:
            self.client.stop_channels()
            self.client.context.destroy(linger=0)
        self._kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _error(name, value, traceback=()):
    return {
        "output_type": "error",
        "ename": str(name),
        "evalue": str(value),
        "traceback": [str(line) for line in traceback],
    }


def _failed(outputs):
    return any(output["output_type"] == "error" for output in outputs)


def _output(kind, content):
    """A kernel's message as an output: text and pictures, nothing that a browser would run."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": str(content.get("text", ""))}
    if kind == "error":
        trace = content.get("traceback")
        trace = trace if isinstance(trace, list) else []
        return _error(content.get("ename"), content.get("evalue"), trace)
    if kind in ("display_data", "execute_result"):
        data = content.get("data")
        data = data if isinstance(data, dict) else {}
        kept = {m: str(v) for m, v in data.items() if m in ("text/plain", *PICTURES)}
        if guard.MIME in data:
            kept = {guard.MIME: data[guard.MIME]}
        if kept:
            output = {"output_type": kind, "data": kept, "metadata": {}}
            return output | ({"execution_count": 1} if kind == "execute_result" else {})
    return None


def _joined(outputs):
    """Outputs with consecutive pieces of one stream put together."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined


def sealed(source, nonce):
    """A test's source with a last line, or around its last value, that says that it was reached."""
    call = f"__import__({GUARD!r}).seal({nonce!r}"
    try:
        body = ast.parse(source).body
    except SyntaxError:
        body = []
    if not body or not isinstance(body[-1], ast.Expr):
        return f"{source}\n{call})"
    value = ast.get_source_segment(source, body[-1].value)
    lines = source.splitlines()[: body[-1].lineno - 1]
    before = source.splitlines()[body[-1].lineno - 1].encode()[: body[-1].col_offset].decode()
    return "\n".join([*lines, f"{before}{call}, (\n{value}\n))"])


def names_read(source):
    """The names that a cell looks up: those for which `guard` answers."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    return sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def names_bound(source):
    """The names that a cell defines at its top level."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        else:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            bound |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    return sorted(bound)


def encoded(content):
    """A file's bytes as they travel in a task."""
    return base64.b64encode(content).decode()


def _run_test(kernel, cell, student_names, result):
    own = student_names.union(names_bound(cell["source"]))
    names = [name for name in names_read(cell["source"]) if name not in own]
    module = f"__import__({GUARD!r})"
    answers = kernel.tell(f"{module}.report({names!r})")
    replaced = [name for answer in answers for name in _listed(answer)]
    if not answers:
        replaced.append("what the kernel runs (it did not run the grader's own cell)")
    nonce = secrets.token_hex(16)
    outputs, beyond = kernel.run(sealed(cell["source"], nonce), kept=False)
    marks = [o["data"][guard.MIME] for o in outputs if guard.MIME in o.get("data", {})]
    outputs = [o for o in outputs if guard.MIME not in o.get("data", {})]
    replaced += [name for mark in marks for name in _listed(mark)]
    reached = {"seal": nonce} in marks
    if not reached and not _failed(outputs):
        outputs.append(_error("NotRun", "this test did not run to its end"))
    # nbgrader takes the first value that it meets for points, and any stderr for a failure.
    errors = [o for o in outputs if o["output_type"] == "error"]
    values = [o for o in outputs if o["output_type"] == "execute_result"][-1:]
    others = [o for o in outputs if o["output_type"] in ("stream", "display_data")]
    for output in others:
        if output["output_type"] == "stream":
            output["name"] = "stdout"
    result["outputs"] = errors + others + ([] if errors else values)
    result["replaced"] = sorted({str(name)[:100] for name in replaced})[:20]
    return beyond


def _listed(answer):
    replaced = answer.get("replaced") if isinstance(answer, dict) else None
    return replaced if isinstance(replaced, list) else []


def _attempt(kernel, cells, student_names, left_out, deadline, results):
    """Run all cells that are not left out; `results` is filled as they come."""
    module = f"__import__({GUARD!r})"
    for index, cell in enumerate(cells):
        result = results[index] = {"outputs": [], "replaced": [], "beyond": ""}
        if index in left_out:
            result["beyond"] = left_out[index]
            result["outputs"] = [_error("Stopped", f"this cell {left_out[index]}")]
            continue
        if not cell["source"].strip():
            continue
        if time.monotonic() > deadline:
            result["beyond"] = "was not reached in the time for the whole notebook"
            result["outputs"] = [_error("Stopped", f"this cell {result['beyond']}")]
            continue
        try:
            if cell["kind"] == "test":
                result["beyond"] = _run_test(kernel, cell, student_names, result)
            else:
                if cell["kind"] == "student":
                    kernel.tell(f"{module}.remember()")
                result["outputs"], result["beyond"] = kernel.run(cell["source"])
                if cell["kind"] == "teacher":
                    own = [n for n in names_bound(cell["source"]) if n not in student_names]
                    kernel.tell(f"{module}.remember({own!r})")
        except KernelLost as lost:
            left_out[index] = str(lost)
            raise


def run_here(task):
    """Run the cells of a task in this process's own kernel; returns the result.

    Args:
        task: {"cells": [{"source", "kind"}], "student_names": [...], "files": {name: base64},
            "limits": {...}, "isolation": {...}}; a kind is "teacher" (the assignment's own),
            "student" or "test".

    Returns:
        {"cells": [{"outputs", "replaced", "beyond"}], "seconds", "isolation", "reason",
        "problem"}; `problem` is "" unless nothing could be run.
    """
    start = time.monotonic()
    limits = Limits(**task["limits"])
    isolation = sandbox.Isolation(**task["isolation"])
    cells, left_out, results, problem = task["cells"], {}, {}, ""
    for _ in range(RESTARTS + 1):
        results, kernel = {}, None
        try:
            kernel = Kernel(isolation, task.get("files", {}), limits)
            student_names = set(task.get("student_names", []))
            _attempt(kernel, cells, student_names, left_out, start + limits.seconds, results)
            break
        except KernelLost as lost:
            if not results:
                problem = str(lost)
                break
        finally:
            if kernel:
                kernel.close()
    for index in range(len(cells)):
        if index not in results:
            reason = left_out.get(index, "was not reached: cells before it ended the kernel")
            outputs = [_error("Stopped", f"this cell {reason}")]
            results[index] = {"outputs": outputs, "replaced": [], "beyond": reason}
    return {
        "cells": [results[index] for index in range(len(cells))],
        "seconds": round(time.monotonic() - start, 2),
        "isolation": asdict(isolation),
        "problem": problem,
    }


def run(task):
    """Run a task in a process of its own; what `grade` and each Dask worker calls.

    How it is isolated is decided here, by what this machine allows.
    """
    task = task | {"isolation": asdict(sandbox.probe())}
    seconds = 2 * task["limits"]["seconds"] + 120
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        given, result = Path(folder) / "task.json", Path(folder) / "result.json"
        given.write_text(json.dumps(task), encoding="utf-8")
        argv = [sys.executable, "-m", "classroom.execute", str(given), str(result)]
        try:
            done = subprocess.run(
                argv, cwd=sandbox.COURSE, timeout=seconds, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
            return json.loads(result.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            problem = f"the grading took longer than {seconds:g} seconds"
        except (OSError, ValueError):
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            problem = f"the grading itself failed: {last}"
    error = _error("Stopped", problem)
    lost = {"outputs": [error], "replaced": [], "beyond": ""}
    return {
        "cells": [lost for _ in task["cells"]],
        "seconds": 0,
        "isolation": None,
        "problem": problem,
    }


def main(arguments):
    """Read a task, write its result."""
    task = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    Path(arguments[1]).write_text(json.dumps(run_here(task)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

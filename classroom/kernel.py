"""A kernel for one notebook, in a sandbox, and a client that takes nothing from it on trust.

What comes from the kernel is the student's: text and pictures are kept, counted and cut, all else
is dropped. A cell that takes too long is interrupted; where that does not help, the kernel ends.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import psutil
import zmq
from jupyter_client.blocking import BlockingKernelClient

from classroom import answers, sandbox, wire

START_SECONDS = 60
GRACE = 5  # seconds that an interrupted cell has to end
MESSAGE_BYTES, MESSAGES_WAITING, MESSAGES = 30_000_000, 20, 50_000
PARENT = os.getppid()
CLIENT_BYTES = 1_000_000_000  # of this process, whatever a kernel sends
PICTURES = ("image/png", "image/jpeg")
ANSWERS = "__import__('sys').modules['classroom.answers']"


def shipped(*modules):
    """Code that makes modules of this package known where the package itself is not."""
    lines = ["import sys, types", "sys.modules['classroom'] = types.ModuleType('classroom')"]
    for module in modules:
        name, source = module.__name__, Path(module.__file__).read_text(encoding="utf-8")
        short = name.rpartition(".")[2]
        lines += [
            f"module = sys.modules[{name!r}] = types.ModuleType({name!r})",
            f"sys.modules['classroom'].{short} = module",
            f"exec(compile({source!r}, 'classroom/{short}.py', 'exec'), module.__dict__)",
        ]
    return "\n".join([*lines, "del sys, types, module"])


class Lost(Exception):
    """What ran in a sandbox is gone; the message says why, in words for the report."""


class Kernel:
    """An IPython kernel in a sandbox.

    Args:
        files: Name -> bytes, what lies in its work folder.
        limits: `execute.Limits`.
        isolated: As `sandbox.Sandbox` takes it.

    Raises:
        Lost: It does not start.
    """

    def __init__(self, files, limits, isolated=True):
        self.limits = limits
        ports = ("shell", "iopub", "stdin", "control", "hb")
        self.connection = {f"{port}_port": number for number, port in enumerate(ports, 1)}
        self.connection |= {"transport": "ipc", "ip": "k", "key": secrets.token_hex(16)}
        self.connection |= {"signature_scheme": "hmac-sha256"}
        files = files | {"kernel.json": json.dumps(self.connection).encode()}
        argv = [sandbox.PYTHON, "-m", "ipykernel_launcher", "-f", "kernel.json"]
        argv += ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.box = sandbox.Sandbox(argv, files, isolated, limits.memory_gb, **quiet)
        self.context, self.client = zmq.Context(), None
        self.context.maxmsgsize, self.context.rcvhwm = MESSAGE_BYTES, MESSAGES_WAITING
        self.context.reconnect_ivl = -1  # a socket could be replaced by a link to somewhere else
        try:
            self._connect()
            self.run(f"{shipped(wire, answers)}\n{ANSWERS}.set_up()", ours=True)
        except BaseException as error:
            self.close()
            if isinstance(error, Lost):
                raise Lost("the kernel did not start") from None
            raise

    def _connect(self):
        """Wait for the kernel's sockets, then until it has answered on both of its channels."""
        deadline, heard = time.monotonic() + START_SECONDS, set()
        while time.monotonic() < deadline:
            if self.box.process.poll() is not None:
                break
            if self.client is None:
                if not self.box.outside("k-5").exists():
                    time.sleep(0.02)
                    continue
                place = {"ip": str(self.box.outside("k"))}
                self.client = BlockingKernelClient(context=self.context)
                self.client.load_connection_info(self.connection | place)
                self.client.start_channels(stdin=False, hb=False)
            self.client.kernel_info()
            ask_again = time.monotonic() + 0.3
            while time.monotonic() < ask_again:
                heard |= {received["msg_type"] for received in self._messages(0.02)}
                if heard >= {"kernel_info_reply", "status"}:
                    return
        raise Lost(f"the kernel did not start within {START_SECONDS} seconds")

    def call(self, request, seconds):
        """Have the answers' side do what a test asks for, a text.

        Returns:
            The text of its reply, or "" where none came; outputs; and which limit was met, or "".
        """
        code = f"{ANSWERS}.answer({request!r})"
        outputs, beyond = self.run(code, ours=True, seconds=seconds)
        return self.reply, outputs, beyond

    def run(self, code, ours=False, seconds=None):
        """Run a cell; returns its outputs, and what went beyond a limit (or "").

        Args:
            ours: The grader's own: it leaves no trace in the notebook's history.
            seconds: A shorter limit than that of a cell.

        Raises:
            Lost: It ended, or was ended since it went on after it was interrupted.
        """
        seconds = min(self.limits.cell_seconds, seconds or self.limits.cell_seconds)
        message = self.client.execute(code, silent=ours, store_history=not ours, allow_stdin=False)
        outputs, size, count, beyond, self.reply = [], 0, 0, "", ""
        deadline = time.monotonic() + seconds
        replied = idle = False
        while not (replied and idle):
            if memory := self._too_large():
                self._lose(memory)
            if time.monotonic() > deadline:
                if beyond:
                    self._lose(f"{beyond}, and went on when it was interrupted")
                if replied:  # the end of its output was lost
                    self._lose("sent more than the grading can take")
                beyond = f"took longer than {self.limits.cell_seconds:g} seconds"
                deadline = self._interrupt()
            for received in self._messages(0.05):
                kind, content = received["msg_type"], received["content"]
                count += 1
                if _parent(received) != message or not isinstance(content, dict):
                    continue
                if kind == "execute_reply":
                    replied = True
                    deadline = min(deadline, time.monotonic() + GRACE)
                    if content.get("status") == "error" and not failed(outputs):
                        outputs.append(error(content.get("ename"), content.get("evalue")))
                    if "ask_exit" in str(content.get("payload"))[:1000]:
                        self._lose("ended the kernel")
                elif kind == "status":
                    idle = idle or content.get("execution_state") == "idle"
                elif isinstance(data := content.get("data"), dict) and answers.MIME in data:
                    self.reply = str(data[answers.MIME])[: wire.SIZE]
                elif output := _output(kind, content):
                    size += len(json.dumps(output))
                    if size <= self.limits.output_kb * 1000 and count <= MESSAGES:
                        outputs.append(output)
                    elif not beyond:
                        beyond = f"wrote more than {self.limits.output_kb:g} kB"
                        deadline = self._interrupt()
        if beyond:
            outputs.append(error("Limit", beyond))
        return _joined(outputs), beyond

    def _too_large(self):
        if os.getppid() != PARENT:
            sys.exit("nobody waits for this result")
        if psutil.Process().memory_info().rss > CLIENT_BYTES:
            return "sent more than the grading can take"
        return self.box.over()

    def define(self, source):
        """Make what a cell that failed defines below the failure."""
        self.run(f"{ANSWERS}.define({source!r})", ours=True)

    def _messages(self, seconds):
        found = []
        channels = (self.client.iopub_channel, self.client.shell_channel)
        for channel, wait in zip(channels, (seconds, 0), strict=True):
            for _ in range(MESSAGES_WAITING):
                try:
                    if not channel.socket.poll(1000 * wait if not found else 0):
                        break
                    received = channel.get_msg(timeout=1)
                    received.pop("buffers", None)
                    found.append(received)
                except Exception:  # what the kernel sends may be anything
                    break
        if not found and self.box.process.poll() is not None:
            raise Lost("ended the kernel")
        return found

    def _interrupt(self):
        self.box.interrupt()
        return time.monotonic() + GRACE

    def _lose(self, reason):
        self.box.kill()
        raise Lost(reason)

    def close(self):
        """End everything in the sandbox, at once."""
        if self.client:
            self.client.stop_channels()
        self.context.destroy(linger=0)
        self.box.kill()


def error(name, value, traceback=()):
    """An error as nbformat has it."""
    return {
        "output_type": "error",
        "ename": clean(name),
        "evalue": clean(value),
        "traceback": [clean(line) for line in traceback],
    }


def failed(outputs):
    """Whether an error is among the outputs."""
    return any(output["output_type"] == "error" for output in outputs)


def clean(text):
    """Text without halves of characters, which no file could hold."""
    return str(text).encode("utf-8", "replace").decode()


def _parent(received):
    parent = received.get("parent_header")
    return parent.get("msg_id") if isinstance(parent, dict) else None


def _output(kind, content):
    """A kernel's message as an output: text and pictures, nothing that a browser would run."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": clean(content.get("text", ""))}
    if kind == "error":
        trace = content.get("traceback")
        trace = trace if isinstance(trace, list) else []
        return error(content.get("ename"), content.get("evalue"), trace)
    if kind in ("display_data", "execute_result"):
        data = content.get("data")
        data = data if isinstance(data, dict) else {}
        kept = {m: clean(v) for m, v in data.items() if m in ("text/plain", *PICTURES)}
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

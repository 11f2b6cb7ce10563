"""Runs the test cells: a process of its own, which never runs a line of a student's.

It runs the assignment's set-up and locked cells once, and then test cells, each in a fresh copy of
what these have left. The names that the answers are to define are stand-ins there: calling one
sends the arguments to the student's kernel and brings the result back, as plain data.

A line of JSON on standard input is a task, one on standard output what came of it or a request.
"""

import ast
import contextlib
import functools
import io
import json
import linecache
import os
import sys
import time
import traceback

from IPython.core.interactiveshell import InteractiveShell

from classroom import wire

PRINTED, LONGEST = 100_000, 4000  # characters of what a test prints, and of an error
TEST = "the test"


class AnswerError(Exception):
    """An answer's error, or what became of a call; its subclasses have the error's name."""


class Remote:
    """A function or class of the student's, or an object that one made: it stays in its kernel.

    It can be called, and asked for what Keras's layers and models have. It has no value here:
    whoever takes it for one gets a TypeError that names its type.
    """

    __hash__ = None

    def __init__(self, examiner, target, kind):
        self._ask = lambda *request: examiner.ask(target, *request)
        self._form = [-1, target] if isinstance(target, str) else [target, kind]
        self._kind = kind

    def __call__(self, *args, **options):
        return self._ask("", args, options)

    def get_weights(self):
        return self._ask("get_weights", (), {})

    def set_weights(self, weights):
        self._ask("set_weights", (weights,), {})

    def count_params(self):
        return self._ask("count_params", (), {})

    def predict(self, *args, **options):
        return self._ask("predict", args, options)

    def evaluate(self, *args, **options):
        return self._ask("evaluate", args, options)

    @property
    def weights(self):
        return [Weight(*one) for one in self._ask("weights", (), {})]

    def __getattr__(self, name):
        raise AttributeError(f"{self._kind!r} object has no attribute {name!r}")

    def __repr__(self):
        return f"<{self._kind} object>"

    def _no_value(self, *args, **options):
        raise TypeError(f"this is an object of type {self._kind}, which is no value to test")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _no_value
    __eq__ = __getitem__ = __contains__ = __complex__ = _no_value


class Weight:
    """A weight's path, shape and dtype, without its numbers."""

    def __init__(self, path, shape, dtype):
        self.path, self.shape, self.dtype = path, tuple(shape), dtype


class Examiner:
    """Runs an assignment's cells, and speaks with whoever stands before the student's kernel."""

    def __init__(self, answers, receive, send):
        self.remote, self.receive, self.send = set(answers), receive, send
        self.shell = InteractiveShell.instance()
        self.names = {"__name__": "__main__", "get_ipython": InteractiveShell.instance}

    def prepare(self, cells):
        """Run set-up and locked cells; returns the seconds that each took."""
        seconds = []
        for source in cells:
            start, source = time.monotonic(), self.shell.transform_cell(source)
            self.remote |= self.with_answers(source)
            with contextlib.redirect_stdout(io.StringIO()):
                _run(source, "the assignment", self.names)
            seconds.append(time.monotonic() - start)
        return seconds

    def with_answers(self, source):
        """The functions of a locked cell that use an answer: they run where the answer is."""
        kinds = ast.FunctionDef | ast.ClassDef
        made = [node for node in ast.parse(source).body if isinstance(node, kinds)]
        return {node.name for node in made if names_read(node) & self.remote}

    def test(self, source):
        """Run a test cell; returns its outputs, as nbformat has them."""
        printed, outputs = io.StringIO(), []
        with contextlib.redirect_stdout(printed):
            try:
                source = self.shell.transform_cell(source)
                wanted = names_read(ast.parse(source)) & self.remote
                names = self.names.copy()
                for name in wanted:
                    names.pop(name, None)
                names |= self._look(sorted(wanted))
                _run(source, TEST, names)
            except BaseException as error:  # also when it is interrupted
                outputs.append(_error(error))
        if text := printed.getvalue()[:PRINTED]:
            outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
        return outputs

    def _look(self, names):
        """What the student's kernel has under these names."""
        found = {}
        for name, form in self._request({"look": names}, "the kernel")["value"].items():
            if name in names:
                stand_in = functools.partial(self._stand_in, name)
                found[name] = wire.Codec(_refuse, stand_in).read(form)
        return found

    def _stand_in(self, name, number, kind):
        return Remote(self, name if number < 0 else number, kind)

    def ask(self, target, method, args, options):
        """Have the student's kernel do something; returns its result.

        Raises:
            AnswerError: It raised an error, or came to no end.
        """
        written = wire.Codec(_form, None)
        request = {"target": target, "method": method, "keras": _keras_settings()}
        request["args"] = written.write(tuple(args))
        request["options"] = written.write(options)
        label = target if isinstance(target, str) else "an object that an answer made"
        reply = self._request(request, label)
        read = wire.Codec(_refuse, lambda number, kind: Remote(self, number, kind))
        value = read.read(reply["value"])
        for number, form in reply.get("changed", {}).items():
            given, changed = written.arrays[int(number)], read.read(form)
            given[...] = changed
        return value

    def _request(self, request, label):
        self.send({"request": wire.to_text(request), "label": label})
        received = self.receive()
        if received.get("lost"):
            raise AnswerError(received["lost"])
        reply = wire.from_text(received["reply"])
        if not isinstance(reply, dict):
            raise wire.NotPlain("this is not a reply in the format of the grading")
        if isinstance(told := reply.get("error"), list) and len(told) == 3:
            name, text, where = (str(part) for part in told)
            name = name if name.isidentifier() else "Error"
            error = type(name[:60], (AnswerError,), {})(text[:2000])
            error.where = where[:4000]
            raise error
        if not isinstance(reply.get("value"), dict | list | str | int | float | None):
            raise wire.NotPlain("this is not a reply in the format of the grading")
        return reply


def names_read(tree):
    """The names that a cell, or a function in it, looks up or binds."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _run(source, label, names):
    linecache.cache[label] = len(source), None, source.splitlines(keepends=True), label
    exec(compile(source, label, "exec"), names)


def _refuse(thing):
    raise wire.NotPlain(f"a {type(thing).__name__} cannot be sent to a student's code")


def _form(thing):
    return thing._form if isinstance(thing, Remote) else _refuse(thing)


def _keras_settings():
    keras = sys.modules.get("keras")
    return keras and [keras.config.dtype_policy().name, keras.config.floatx()]


def _error(error):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == TEST]
    lines = getattr(error, "where", "") + "".join(traceback.format_list(frames))
    return {
        "output_type": "error",
        "ename": type(error).__name__,
        "evalue": str(error)[:LONGEST],
        "traceback": [*lines.splitlines(), f"{type(error).__name__}: {str(error)[:LONGEST]}"],
    }


def main():
    """Do what standard input says, until it ends."""
    tasks, results = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)

    def receive():
        line = tasks.readline()
        return json.loads(line) if line else sys.exit()

    def send(thing):
        results.write(json.dumps(thing) + "\n")
        results.flush()

    examiner = None
    while True:
        task = receive()
        try:
            if "prepare" in task:
                examiner = Examiner(task["answers"], receive, send)
                send({"seconds": examiner.prepare(task["prepare"])})
            else:
                send({"outputs": examiner.test(task["test"])})
        except Exception as error:
            send({"failed": _error(error)})

"""Runs in the student's kernel: calls what the student wrote, with the tests' arguments.

The kernel gets the text of this file before anything else. A student may exchange all of it: that
changes what comes back, which is data to whoever reads it.
"""

import ast
import contextlib
import sys
import traceback

from IPython import get_ipython
from IPython.display import publish_display_data

from classroom import wire

MIME = "application/x-course-answer"
DEFINITIONS = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
_kept = []  # objects that stay here: the tests know their numbers


def set_up():
    """Make `exit()` end its cell and not the kernel, and let `input()` give an empty line."""
    shell = get_ipython()
    shell.user_ns["exit"] = shell.user_ns["quit"] = sys.exit
    shell.kernel.raw_input = shell.kernel.getpass = lambda *args, **options: ""


def define(source):
    """After a cell has failed: run the imports and definitions that stand below the failure."""
    shell = get_ipython()
    frames = traceback.extract_tb(getattr(sys, "last_traceback", None))
    failed = next((frame.lineno for frame in frames if frame.name == "<module>"), None)
    if failed is None:
        return
    code = shell.transform_cell(source)
    for node in ast.parse(code).body:
        if node.lineno > failed and isinstance(node, DEFINITIONS):
            with contextlib.suppress(Exception):
                name = shell.compile.cache(code)
                exec(compile(ast.Module([node], []), name, "exec"), shell.user_ns)


def answer(text):
    """Do what the tests ask for, and publish what comes of it."""
    codec = wire.Codec(_keep, _find)
    try:
        reply = wire.to_text(_answer(wire.from_text(text), codec))
    except BaseException as error:  # an answer may raise anything
        lines = traceback.format_exception(error)
        where = [line for line in lines if not any(f'"{f}"' in line for f in _OWN_FILES)]
        told = [type(error).__name__, _text(error), "".join(where)[-4000:]]
        reply = wire.to_text({"error": told})
    publish_display_data({MIME: reply})


_OWN_FILES = ("classroom/answers.py", "classroom/wire.py")


def _text(error):
    try:
        return str(error)[:2000]
    except Exception:
        return "an error whose text cannot be shown"


def _keep(thing):
    _kept.append(thing)
    return [len(_kept) - 1, type(thing).__name__]


def _find(number, name):
    return _kept[number] if number >= 0 else get_ipython().user_ns[name]


def _answer(request, codec):
    names = get_ipython().user_ns
    if "look" in request:
        found = {name: names[name] for name in request["look"] if name in names}
        return {"value": {name: _look(thing, codec) for name, thing in found.items()}}
    target = request["target"]
    thing = names[target] if isinstance(target, str) else _kept[target]
    if method := request["method"]:
        thing = getattr(thing, method)
    args, options = codec.read(request["args"]), codec.read(request["options"])
    given = [(array, array.copy()) for array in codec.arrays]
    with _settings(request["keras"]):
        if method == "weights":
            value = [(str(w.path), tuple(w.shape), str(w.dtype)) for w in thing]
        else:
            value = thing(*args, **options)
        codec.items = 0
        form = codec.write(value)
    changed = {
        str(number): codec.write(array)
        for number, (array, before) in enumerate(given)
        if array.tobytes() != before.tobytes()
    }
    return {"value": form, "changed": changed}


def _look(thing, codec):
    """A name's value; what can be called stays here, under its name."""
    return {"object": [-1, type(thing).__name__]} if callable(thing) else codec.write(thing)


@contextlib.contextmanager
def _settings(wanted):
    """Keras's global settings as the test has them, not as the notebook has left them."""
    keras = sys.modules.get("keras")
    if not keras or not wanted:
        yield
        return
    before = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(wanted[0])
    keras.config.set_floatx(wanted[1])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_floatx(before[1])

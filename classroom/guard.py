"""Runs inside the kernel: remembers what the tests rely on, and puts it back before each test.

The tests run in the same Python as the student's code, which may therefore replace what they call
(`np.allclose`, `all`, the checker), remove `assert` from what is compiled, or keep a failure from
being shown. `execute.py` sends this file before anything else, calls `remember()` before the first
line of a student, `restore()` before each test, and ends each test with `seal()`: a test whose
seal does not come back did not run to its end and counts as failed.

No program can make this watertight from within; docs/teaching.md names what remains possible.
"""

import builtins
import linecache
import sys
import types

#: Packages whose functions and classes are remembered where they are loaded.
PACKAGES = ("numpy", "keras", "utils", "math", "operator", "functools", "statistics", "random")
MODULES = (
    *("builtins", "IPython.core.interactiveshell", "IPython.core.display_functions"),
    *("ipykernel.zmqshell", "ipykernel.displayhook", "ipykernel.ipkernel", "ipykernel.kernelbase"),
    *("IPython.core.compilerop", "ipykernel.compiler", "codeop"),
)

MIME = "application/x-course-seal"

#: Parts of the shell that student code could exchange as a whole.
PARTS = (
    *("input_transformer_manager", "events", "display_pub", "displayhook", "display_formatter"),
    *("compile", "kernel", "user_ns", "user_module"),
)
EVENTS = ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell")

#: id of a module or class: (it, its name, {attribute: object}, {attribute: internals}, all keys)
_known = {}
_names = {}  # what the assignment's own cells define: {name: (object, internals)}
_shell = {}  # the shell as it was
_reads = []  # the names that the test under way looks up
_publish = None


def remember(names=()):
    """Remember the loaded modules, the shell, and these names of the notebook."""
    global _publish
    from IPython.display import publish_display_data

    _publish = _publish or publish_display_data
    _forget_tests()
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType) and _wanted(name):
            _learn(module, name)
    space = _get_shell().user_ns
    for name in names:
        value = space.get(name)
        if callable(value) or isinstance(value, types.ModuleType):
            _names[name] = value, _internals(value)
    _shell.update(_shell or _state(_get_shell()))


def restore(names=()):
    """Put back what has been replaced; returns it in words. `names`: those that the test reads."""
    found = []
    for owner, owner_name, kept, inside, keys in list(_known.values()):
        current = vars(owner)
        for key in [key for key in current.keys() - keys if _shadows(owner, key)]:
            found.append(f"{owner_name}.{key}")
            delattr(owner, key)
        for key, value in kept.items():
            if not _same(current.get(key), value):
                found.append(f"{owner_name}.{key}")
                setattr(owner, key, value)
            found += _mend(value, inside.get(key), f"{owner_name}.{key}")
    found += _restore_shell(_get_shell())
    space = _get_shell().user_ns
    for name in names:
        if name in _names:
            value, internals = _names[name]
            if space.get(name) is not value:
                found.append(name)
                space[name] = value
            found += _mend(value, internals, name)
        elif name in space and hasattr(builtins, name):
            found.append(name)  # the test means Python's own
            del space[name]
    return found


def report(names=()):
    """`restore()` before a test, with what was found sent to the grader."""
    _reads[:] = names
    _publish({MIME: {"replaced": restore(names)}})


def seal(nonce, value=None):
    """The end of a test: tells the grader so, if nothing was replaced meanwhile."""
    replaced = restore(_reads)
    _publish({MIME: {"replaced": replaced} if replaced else {"seal": nonce}})
    return value


def _get_shell():
    return _shell.get("itself") or sys.modules["IPython"].get_ipython()


def _forget_tests():
    """IPython keeps the text of what it has run: take out that of the tests."""
    for name, entry in list(linecache.cache.items()):
        if len(entry) > 2 and any("_course_guard" in line for line in entry[2]):
            linecache.cache.pop(name, None)


def _wanted(module):
    return module in MODULES or module.partition(".")[0] in PACKAGES


def _same(a, b):
    """Methods are bound anew whenever they are looked up."""
    if isinstance(a, types.MethodType) and isinstance(b, types.MethodType):
        return a.__func__ is b.__func__ and a.__self__ is b.__self__
    return a is b


def _shadows(owner, key):
    """Whether something new in a module or class stands before what was found under its name."""
    if isinstance(owner, type):
        return callable(vars(owner)[key]) and any(key in vars(base) for base in owner.__mro__[1:])
    return hasattr(builtins, key)


def _internals(value):
    if isinstance(value, types.FunctionType):
        return value.__code__, value.__defaults__, value.__kwdefaults__
    return None


def _mend(function, internals, name):
    if internals is None or all(map(_same, _internals(function), internals)):
        return []
    function.__code__, function.__defaults__, function.__kwdefaults__ = internals
    return [f"the code of {name}"]


def _learn(owner, name):
    """Remember the functions and classes of a module or class, and what these hold."""
    if id(owner) in _known:
        return
    kept, inside = {}, {}
    _known[id(owner)] = owner, name, kept, inside, set(vars(owner))
    for key, value in list(vars(owner).items()):
        if not callable(value) and not isinstance(value, (staticmethod, classmethod, property)):
            continue
        kept[key] = value
        if internals := _internals(value):
            inside[key] = internals
        home = getattr(value, "__module__", None)
        if isinstance(value, type) and isinstance(home, str) and _wanted(home):
            _learn(value, value.__qualname__)


def _hooks(shell):
    manager, callbacks = shell.input_transformer_manager, shell.events.callbacks
    return [
        *(shell.ast_transformers, shell.input_transformers_post, manager.cleanup_transforms),
        *(manager.line_transforms, manager.token_transformers),
        *(callbacks[event] for event in EVENTS),
    ]


def _printers(shell):
    plain = shell.display_formatter.formatters["text/plain"]
    return {kind: plain.type_printers.get(kind) for kind in (int, float, bool, str)}


def _methods(thing):
    """Methods that an object has itself, not from its class."""
    return {k for k, v in vars(thing).items() if callable(v) and hasattr(type(thing), k)}


def _things(shell):
    return shell, shell.kernel, shell.compile, shell.display_pub, shell.displayhook


def _state(shell):
    return {
        "itself": shell,
        "classes": [type(thing) for thing in _things(shell)],
        "parts": {part: getattr(shell, part) for part in PARTS},
        "hooks": [list(hooks) for hooks in _hooks(shell)],
        "printers": _printers(shell),
        "methods": [_methods(thing) for thing in _things(shell)],
        "displayhook": sys.displayhook,
    }


def _restore_shell(shell):
    found = []
    for part, value in _shell["parts"].items():
        if getattr(shell, part) is not value:
            found.append(f"IPython's {part}")
            setattr(shell, part, value)
    for hooks, before in zip(_hooks(shell), _shell["hooks"], strict=True):
        ours = [hook for hook in hooks if _of_a_library(hook)]
        if any(hook not in before and hook not in ours for hook in hooks) or not all(
            any(_same(hook, old) for hook in hooks) for old in before
        ):
            found.append("IPython's hooks")
            hooks[:] = before
    for thing, kind in zip(_things(shell), _shell["classes"], strict=True):
        if type(thing) is not kind:
            found.append(f"the class of IPython's {kind.__name__}")
            thing.__class__ = kind
    if shell.user_ns.get("__builtins__") not in (builtins, vars(builtins)):
        found.append("__builtins__")
        shell.user_ns["__builtins__"] = builtins
    for thing, before in zip(_things(shell), _shell["methods"], strict=True):
        for name in _methods(thing) - before:
            found.append(f"IPython's {name}")
            delattr(thing, name)
    if _printers(shell) != _shell["printers"]:
        found.append("how numbers are shown")
        shell.display_formatter.formatters["text/plain"].type_printers.update(_shell["printers"])
    if shell.custom_exceptions:
        found.append("what IPython does with exceptions")
        shell.custom_exceptions = ()
    if sys.displayhook is not _shell["displayhook"]:
        found.append("sys.displayhook")
        sys.displayhook = _shell["displayhook"]
    if sys.gettrace() or sys.getprofile():
        found.append("Python's tracing")
        sys.settrace(None)
        sys.setprofile(None)
    return found


def _of_a_library(hook):
    home = getattr(hook, "__module__", None) or type(hook).__module__
    return home.partition(".")[0] in ("matplotlib", "matplotlib_inline", "IPython", "ipykernel")

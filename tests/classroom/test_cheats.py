"""Cheats against the toy: no answer, and no point; no test and no solution is read.

Each starts from wrong answers. Those that only give something odd back share a kernel; the others
have one each. Cheats against the real assignments are in test_assignments.py.
"""

import json

import bench
import pytest
import toy

pytest.importorskip("nbgrader")
from conftest import needs_isolation

LIMITS = {"cell_seconds": 5, "seconds": 60, "memory_gb": 1.0, "output_kb": 50}
TESTS = {"double": "test_double", "means": "test_means", "mended": "test_mended"}

# What an answer gives back, or does, when a test calls it. `value` stands for the answer.

EQUAL = """\
class Equal:
    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda self, other: True
    __array__ = lambda self, dtype=None, copy=None: Equal()
    __sub__ = __rsub__ = __abs__ = __call__ = __getattr__ = lambda self, *a: self
    __iter__ = lambda self: iter([self] * 9)
    __bool__ = lambda self: True
    __len__ = lambda self: 9
    __float__ = lambda self: 0.0
"""
RETURNS = {
    "an object that equals all": EQUAL + "value = Equal()",
    "a class that equals all": EQUAL + "value = Equal",
    "an array that equals all": "class A(np.ndarray):\n    __eq__ = lambda self, other: "
    "np.ones(9, bool)\nvalue = np.zeros(1).view(A)",
    "a number that equals all": "class F(float):\n    __eq__ = __lt__ = lambda self, other: True\n"
    "value = F(7)",
    "a text that equals all": "class S(str):\n    __eq__ = lambda self, o: True\nvalue = S('7')",
    "a list that is as long as wanted": "class L(list):\n    __eq__ = lambda self, o: True\n"
    "    __len__ = lambda self: 2\nvalue = L()",
    "a dict with odd keys": "value = {'value': 4, 'object': [0, 'x'], 'array': ['O', [1], '']}",
    "nothing": "value = None",
    "an empty list": "value = []",
    "an empty array": "value = np.zeros((0,))",
    "nan": "value = float('nan')",
    "inf": "value = float('inf')",
    "a masked array": "value = np.ma.masked_all(3)",
    "a broadcast array": "value = np.broadcast_to(np.nan, (2, 3, 4))",
    "an array of objects": EQUAL + "value = np.array([Equal(), Equal()], object)",
    "a large array": "value = np.zeros(10**8, 'int8')",
    "lists in lists": "value = []\nfor _ in range(900):\n    value = [value]",
    "a list in itself": "value = []\nvalue.append(value)",
    "an iterator without end": "import itertools\nvalue = itertools.repeat(4)",
    "a number of 5000 digits": "value = 10**5000",
    "the function itself": "value = print",
    "a module": "value = np",
    "a frame": "import sys\nvalue = sys._getframe()",
    "the shell": "value = get_ipython()",
    "an object that pickles to code": "class P:\n    __reduce__ = lambda self: (exec, "
    "('raise SystemExit(0)',))\nvalue = P()",
}
RAISES = ("SystemExit(0)", "KeyboardInterrupt", "StopIteration", "GeneratorExit", "AssertionError")
DOES = {
    **{f"raises {error}": f"raise {error}" for error in RAISES},
    "raises an error of an odd name": "raise type('x\\n# Passed', (Exception,), {})('ok')",
    "raises an error without text": "class E(Exception):\n    def __str__(self):\n"
    "        raise SystemExit\nraise E",
    "raises an error named like ours": "raise type('Limit', (Exception,), {})('')",
    "leaves a value in a frame of the caller's": "import sys\nf = sys._getframe()\nwhile f:\n"
    "    f.f_locals.update(value=4, form=4, reply='4')\n    f = f.f_back\nreturn 7",
    "patches numpy": "np.allclose = np.all = np.array_equal = lambda *a, **k: True\nreturn 7",
    "patches the helpers": "globals().update(close=lambda *a: True, all=lambda *a: True)\nreturn 7",
    "patches Python": "import builtins\nbuiltins.abs = builtins.all = lambda *a: True\nreturn 7",
    "traces": "import sys\nsys.settrace(lambda *a: None)\nreturn 7",
    "shows a value": "get_ipython().displayhook(3.0)\nreturn 7",
    "shows a value larger than the points": "get_ipython().displayhook(99)\nreturn 7",
    "clears what is shown": "from IPython.display import clear_output\nclear_output()\nreturn 7",
    "prints what a test prints": "print('all tests pass', '✓')\nreturn 7",
    "looks for the wanted value": "import gc\nfor thing in gc.get_objects():\n"
    "    if isinstance(thing, dict) and 'wanted' in thing:\n        return thing['wanted']\n"
    "return 7",
    "changes what it was given": "for a in args:\n    if hasattr(a, 'fill'):\n        a.fill(0)\n"
    "return 0",
    "forges a reply": "FORGE",
}
FORGED = {
    "a right value": '{"value": true}',
    "no error": '{"error": null, "value": {"tuple": []}}',
    "a passed test": '{"outputs": []}',
    "an object that was never made": '{"value": {"object": [-1, "close"]}}',
    "an object with a number beyond": '{"value": {"object": [99999999999999999999, "x"]}}',
    "code": '{"value": {"code": "1/0"}, "changed": {"0": {"code": "1/0"}}}',
    "changed arguments": '{"value": 0, "changed": {"0": 0, "-1": 0, "x": 0}}',
    "a huge shape": '{"value": {"array": ["<f8", [4000000000], ""]}}',
    "another dtype": '{"value": {"array": ["O", [1], "AAAAAAAAAAA="]}}',
    "no JSON": "}{",
    "JSON that is deep": "[" * 100_000,
    "a list": "[1]",
    "a number": "7",
    "nothing": "",
    "an error without end": '{"error": ["E", "' + "x" * 100_000 + '", ""]}',
    "an error that is no text": '{"error": [[], {}, 7]}',
    "an error of a name that is none": '{"error": ["", "ok", ""]}',
    "8 MB": '{"value": "' + "x" * 8_000_000 + '"}',
}
FORGE = """\
import sys
module = sys.modules["classroom.answers"]
publish = module.publish_display_data
def forge(data):
    module.publish_display_data = publish
    publish({{module.MIME: {reply}}})
module.publish_display_data = forge
return 7"""


def answers(body):
    """The three answers of the toy, all with this body."""
    heads = {"double": "double", "means": "row_means", "mended": "mended"}
    body = body.replace("\n", "\n    ")
    return {key: f"def {name}(*args):\n    {body}" for key, name in heads.items()}


IN_A_CALL = {
    **{f"gives {name}": text + "\nreturn value" for name, text in RETURNS.items()},
    **{name: text for name, text in DOES.items() if text != "FORGE"},
}


@pytest.fixture(scope="module")
def shared():
    """One kernel for all that only happens in a call, a worker for the others."""
    found = bench.Bench(toy.source())
    yield found
    found.close()


@pytest.mark.parametrize("cheat", IN_A_CALL)
def test_what_an_answer_gives_or_does_gains_nothing(shared, cheat):
    for answer, source in answers(IN_A_CALL[cheat]).items():
        results = shared.try_out(answer, source)
        assert set(results) == {TESTS[answer]}
        assert not any(map(bench.earns, results.values())), results


@pytest.mark.parametrize("reply", FORGED)
def test_a_forged_reply_gains_nothing(shared, reply):
    """And the examiner lives on: it is the same for the next."""
    examiner = shared.worker.kept
    results = shared.try_out("double", answers(FORGE.format(reply=f"{FORGED[reply]!r}"))["double"])
    assert not bench.earns(results["test_double"]), results
    results = shared.try_out("double", toy.DOUBLE)
    assert bench.earns(results["test_double"]), results
    assert shared.worker.kept is examiner


# What is done to the kernel before a test asks it anything.

NO_ASSERTS = """\
import ast, types
class Remove(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
parse = lambda text, *a, **k: Remove().visit(ast.parse(text))
shell = get_ipython()
"""
HANDLER = """\
kernel = get_ipython().kernel
before = kernel.shell_handlers["execute_request"]
async def handler(stream, ident, parent):
    parent["content"]["code"] = "{code}"
    await before(stream, ident, parent)
kernel.shell_handlers["execute_request"] = handler
"""
MODULE = """\
import sys
module = sys.modules["classroom.answers"]
"""
TO_THE_KERNEL = {
    "nothing but a handler": HANDLER.format(code="4"),
    "a handler that shows a reply": HANDLER.format(
        code="from IPython.display import publish_display_data as p; "
        "p({'application/x-course-answer': 'true'})"
    ),
    "a handler without a reply": "async def handler(*a):\n    pass\n"
    "get_ipython().kernel.shell_handlers['execute_request'] = handler",
    "asserts removed": toy.NO_ASSERT,
    "errors hidden": toy.HIDE_ERRORS,
    "a thread that patches": toy.PATCH_LATER,
    "the compiler": NO_ASSERTS + "shell.compile.ast_parse = parse",
    "another kind of shell": NO_ASSERTS + "class Shell(type(shell)):\n"
    "    async def run_code(self, *a, **k):\n        return False\nshell.__class__ = Shell",
    "another namespace": "class Names(dict):\n    def __getitem__(self, name):\n"
    "        return (lambda *a: 4)\nget_ipython().user_ns = Names(get_ipython().user_ns)",
    "input that is emptied": "get_ipython().input_transformers_post.append(lambda lines: [])",
    "numpy that is another": "class Fake:\n    __getattr__ = lambda self, n: lambda *a: True\n"
    "np = Fake()",
    "numpy patched everywhere": "import numpy\nfor name in dir(numpy):\n"
    "    if callable(getattr(numpy, name)):\n        try:\n"
    "            setattr(numpy, name, lambda *a, **k: True)\n        except Exception:\n"
    "            pass",
    "the answers' side that says yes": MODULE + "module._answer = lambda *a: {'value': True}",
    "the answers' side that knows names": MODULE + "module._answer = lambda request, codec: "
    "{'value': {'double': 4, 'row_means': [2, 5], 'mended': 3}}",
    "the wire that encodes a constant": MODULE + "module.wire.Codec.write = lambda *a: True",
    "the wire that encodes what is wanted": MODULE + "class Codec(module.wire.Codec):\n"
    "    def write(self, value, depth=0):\n        return {'object': [0, 'x'], 'value': 4}\n"
    "module.wire.Codec = Codec",
    "the answers' side gone": "import sys\nsys.modules['classroom.answers'] = None",
    "an answers' side of one's own": "import sys\nclass Module:\n    def __getattr__(self, name):\n"
    "        return lambda *a, **k: True\nsys.modules['classroom.answers'] = Module()",
    "the kernel ended at leisure": "import os, threading\n"
    "threading.Timer(0.5, lambda: os._exit(0)).start()",
    "the kernel ended in a fork": "import os\nif os.fork():\n    os._exit(0)",
    "stdout closed": "import os\nfor n in range(3):\n    os.close(n)",
    "all sockets closed": "import os\nfor n in range(3, 60):\n    try:\n        os.close(n)\n"
    "    except OSError:\n        pass",
    "an audit hook": "import sys\nsys.addaudithook(lambda event, args: print(event))",
    "messages of 100 MB": "import numpy\nkernel = get_ipython().kernel\nfor _ in range(20):\n"
    "    kernel.session.send(kernel.iopub_socket, 'display_data', {'data': {}}, "
    "kernel.get_parent('shell'), buffers=[bytes(10**8)])",
    "messages of another form": "kernel = get_ipython().kernel\n"
    "for content in ([], {'data': []}, {'text': []}, {'traceback': 7}):\n"
    "    for kind in ('display_data', 'stream', 'error', 'status', 'execute_reply'):\n"
    "        kernel.session.send(kernel.iopub_socket, kind, content, kernel.get_parent('shell'))\n"
    "        message = kernel.session.msg(kind, content, parent={})\n"
    "        message['parent_header'] = [kind]\n"
    "        kernel.session.send(kernel.iopub_socket, message)",
    "forged marks": "from IPython.display import publish_display_data as p\n"
    "p({'application/x-course-seal': {'seal': 1}, 'text/plain': '3'})",
}


@pytest.fixture(scope="module")
def worker():
    found = bench.execute.Worker()
    yield found
    found.close()


def once(worker, answered, own=()):
    """The toy with these answers, in a kernel of its own: its task and its outcome."""
    task = bench.a_task(toy.source(), answered, own, LIMITS)
    return task, worker.do(task)


@pytest.mark.parametrize("cheat", TO_THE_KERNEL)
def test_what_is_done_to_the_kernel_gains_nothing(worker, cheat):
    """Above the set-up cell, and beside an answer; it keeps nobody from grading either."""
    wrong = {key: toy.WRONG[key] for key in TESTS}
    own = [(place, TO_THE_KERNEL[cheat]) for place in ("setup", "double")]
    assert bench.passed(*once(worker, wrong, own)) == set()


# What a submission can see

SPY = """\
kernel, seen = get_ipython().kernel, []
before = kernel.shell_handlers["execute_request"]
async def handler(stream, ident, parent):
    seen.append(parent["content"]["code"])
    await before(stream, ident, parent)
kernel.shell_handlers["execute_request"] = handler
"""
LOOKS = """\
import gc, linecache, os, re
print(seen, In, list(linecache.cache.values()))
print([text for text in gc.get_objects() if isinstance(text, str)])
words = [b"the-secret-of[-]the-solutions", b"'other [n]umbers'", b"BEGIN [H]IDDEN", b"twice 2 [i]s"]
for line in open("/proc/self/maps"):
    start, end, kind = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
    if kind.startswith("rw") and int(end, 16) - int(start, 16) < 10**8:
        with open("/proc/self/mem", "rb", 0) as memory:
            try:
                memory.seek(int(start, 16))
                content = memory.read(int(end, 16) - int(start, 16))
            except OSError:
                continue
        print(["FO" "UND" for word in words if re.search(word, content)])
print("oth" "ers:", [n for n in os.listdir("/proc") if n.isdigit() and n not in "12"])
print("files:", [os.path.join(f, n) for f, _, names in os.walk("/course/work") for n in names])
"""


@needs_isolation
def test_no_test_and_no_solution_is_there_to_be_read(worker):
    """In messages, in IPython's memory, in the kernel's own, in other processes, in files."""
    own = [("setup", SPY), ("mended", LOOKS), ("", LOOKS)]
    answers = {"double": toy.DOUBLE, "means": toy.MEANS, "mended": toy.MENDED}
    task, outcome = once(worker, answers, own)
    assert bench.passed(task, outcome) == set(TESTS.values())
    printed = [json.dumps(result["outputs"]) for result in outcome["cells"]]
    looked = [text for text in printed if "others:" in text]
    assert len(looked) >= 2 and all("double" in text for text in looked)
    for text in looked:
        for secret in ("FOUND", "twice 2 is", "'other numbers'", "BEGIN HIDDEN", toy.SECRET):
            assert secret not in text, secret
        assert "others: []" in text

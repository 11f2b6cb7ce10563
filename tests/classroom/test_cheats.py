# Cheats that know how tests work

IN_THE_CALL = "def double(x):\n    {patch}\n    return 4"
NO_ASSERTS = (
    toy.WRONG["double"]
    + """
import ast
def without(nodes):
    return [node for node in nodes if not isinstance(node, (ast.Assert, ast.For))]
old = get_ipython().compile.ast_parse
def parse(*a, **k):
    tree = old(*a, **k)
    tree.body = without(tree.body)
    return tree
"""
)
RUNS_NO_ASSERTS = """\
    async def run_ast_nodes(self, nodes, *a, **k):
        from IPython.core.interactiveshell import InteractiveShell
        return await InteractiveShell.run_ast_nodes(self, without(nodes), *a, **k)
"""
SUBTLE = {
    "the test's function, from within the answer": IN_THE_CALL.format(
        patch="globals()['close'] = lambda *a: True"
    ),
    "numpy's, from within the answer": IN_THE_CALL.format(
        patch="np.allclose = lambda *a, **k: True"
    ),
    "numpy itself": "import types\nnumpy, np = np, types.SimpleNamespace(**vars(np))\n"
    "np.allclose = lambda *a, **k: True\n" + toy.WRONG["double"],
    "the guard": "import sys\nclass Guard:\n    def __getattr__(self, name):\n"
    "        return lambda *a, **k: None\nsys.modules['_course_guard'] = Guard()\n"
    + toy.WRONG["double"],
    "tracing": IN_THE_CALL.format(patch="import sys; sys.settrace(lambda *a: None)"),
    "leaving the test": "def double(x):\n    raise SystemExit(0)",
    "leaving Python": "def double(x):\n    import os\n    os._exit(0)",
    "a value shown": "def double(x):\n    get_ipython().displayhook(3.0)\n    return 7",
    "the compiler": NO_ASSERTS + "get_ipython().compile.ast_parse = parse\n",
    "the compiler's class": NO_ASSERTS
    + "type(get_ipython().compile).ast_parse = lambda self, *a, **k: parse(*a, **k)\n",
    "another compiler": NO_ASSERTS + "class Compiler(type(get_ipython().compile)):\n"
    "    def ast_parse(self, *a, **k):\n        return parse(*a, **k)\n"
    "get_ipython().compile = Compiler()\n",
    "another kind of shell": NO_ASSERTS
    + "class Shell(type(get_ipython())):\n"
    + RUNS_NO_ASSERTS
    + "get_ipython().__class__ = Shell\n",
    "a method that was inherited": NO_ASSERTS
    + "class Shell(type(get_ipython())):\n"
    + RUNS_NO_ASSERTS
    + "type(get_ipython()).run_ast_nodes = Shell.run_ast_nodes\n",
    "a name in front of Python's own": "import IPython.core.interactiveshell as module\n"
    "def fake(*a):\n    try:\n        exec(*a)\n    except AssertionError:\n        pass\n"
    "module.exec = fake\n",
    "another namespace": "class Names(dict):\n    def __getitem__(self, name):\n"
    "        return (lambda *a: True) if name == 'close' else dict.__getitem__(self, name)\n"
    "get_ipython().user_ns = Names(get_ipython().user_ns)\n",
    "Python's own names": "import builtins\ndef row_means(m):\n"
    "    return [2, 5] if len(m) == 2 else [7] * len(m)\n"
    "globals()['__builtins__'] = vars(builtins) | {'all': lambda *a: True}\n",
    "another shell asked": NO_ASSERTS + "import IPython\nshell = get_ipython()\nclass Other:\n"
    "    def __getattr__(self, name):\n        return getattr(shell, name)\n"
    "IPython.get_ipython = Other\nshell.compile.ast_parse = parse\n",
    "clearing what is shown": "from IPython.display import clear_output\n"
    "def double(x):\n    clear_output()\n    return 7",
}


@pytest.mark.parametrize("cheat", SUBTLE)
def test_subtle_cheats_gain_nothing(form, cheat):
    wrong = toy.answered(form[1], **toy.WRONG | {"double": SUBTLE[cheat]})
    found = mended(form[0], wrong)
    result = execute.run(release.task(form[0], found, LIMITS, {}))
    assert release.points(found.cells, result["cells"]) == 0


def test_what_was_run_does_not_show_the_tests(form):
    """IPython remembers its input, and the text of what it has compiled."""
    look = "import linecache\nprint(In, _i, _ii, _iii, list(linecache.cache.values()))"
    shows = toy.with_cell(toy.answered(form[1], **toy.RIGHT), "mended", look)
    found = mended(form[0], shows)
    result = execute.run(release.task(form[0], found, LIMITS, {}))
    printed = json.dumps([cell["outputs"] for cell in result["cells"]])
    assert "return 2 * x" in printed and "HIDDEN" not in printed and "other" not in printed
    assert release.points(found.cells, result["cells"]) == 10


def test_what_is_named_in_the_guide_is_at_least_reported():
    equal = "class Equal:\n    def __eq__(self, other):\n        return True"
    assert mend.odd_code(equal) == ["a class with __eq__"]
    for odd in ("sys._getframe(1)", "import linecache", "open('/etc/passwd')", "np.all = len"):
        assert mend.odd_code(odd), odd
    for usual in (toy.DOUBLE, "np.random.seed(0)", "model.units = 3", "a[0] = 1", "x = a / b"):
        assert not mend.odd_code(usual), usual

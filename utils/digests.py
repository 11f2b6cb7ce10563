"""Digests of what a stored result is of: the code that measured it, and the data.

The code is all that can be reached from the benchmark's recipe and its function `measure`: what
they name in their own module, in other modules of benchmarks/, and in the `recipe` cells of
notebooks. It is read as syntax trees, and nothing is run: comments, docstrings, line breaks and
the order of definitions do not count, nor does what other recipes need. utils/ and the libraries
do not count either; results have the libraries' versions in their header.
"""

import ast
import collections
import functools
import hashlib

from utils import ROOT, checksums
from utils.recipes import recipe_cells

#: Tables of a benchmark's module, of which a recipe needs one row.
TABLES = ("RECIPES", "PLAN", "DATA")


@functools.cache
def digest(benchmark, recipe):
    """12 hexadecimal digits for a recipe as it is now, and the data that it learns from.

    Args:
        benchmark: The name of a module in benchmarks/.
        recipe: A key of its `RECIPES`.

    Raises:
        LookupError: The benchmark has no such recipe.
    """
    table = _value(benchmark, "RECIPES")
    rows = [v for k, v in zip(table.keys, table.values, strict=True) if k.value == recipe]
    if not rows:
        raise LookupError(f"benchmarks/{benchmark}.py has no recipe {recipe!r}.")
    found, waiting = {}, [(benchmark, "measure"), *_names(benchmark, rows[0])]
    while waiting:
        key = waiting.pop()
        if key not in found and key[1] not in TABLES:
            found[key], used = _definition(*key)
            waiting += used
    data = [_checksums(name) for name in ast.literal_eval(_value(benchmark, "DATA"))]
    parts = _form(rows[0]), sorted(found.items()), data
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@functools.cache
def _definition(module, name):
    """The form of a definition, and (module, name) of what it uses."""
    statements = definitions(module).get(name, [])
    used = {use for statement in statements for use in _names(module, statement)}
    return [_form(statement) for statement in statements], used


@functools.cache
def definitions(module):
    """{name: the statements that define it} at the top of a benchmark's or notebook's code."""
    found = collections.defaultdict(list)
    for statement in _tree(module).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found[statement.name].append(statement)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:  # each by itself: another name beside it changes nothing
                name = (alias.asname or alias.name).partition(".")[0]
                origin = getattr(statement, "module", None)
                found[name].append(ast.ImportFrom(origin, [alias], 0))
        else:
            for name, assignment in _assignments(statement):
                found[name].append(assignment)
    return dict(found)


def _assignments(statement):
    """(name, assignment) of each name that a statement binds; of `a, b = 1, 2` each by itself."""
    target, value = getattr(statement, "targets", [None])[0], getattr(statement, "value", None)
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield one.id, ast.Assign([one], its)
        return
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    for name in {node.id for node in names if isinstance(node.ctx, ast.Store)}:
        yield name, statement


def taken(tree):
    """What code takes from recipes: [(notebook, name, number of the line)].

    A recipe is what `load_recipe("notebook")` returns, and whatever is called `recipe`: that of
    the notebooks that the same function or class loads, or else those that the file loads.
    """
    anywhere = _loaded(tree)
    return [use for statement in tree.body for use in _taken(statement, anywhere)]


def _taken(statement, anywhere):
    near = _loaded(statement) or anywhere
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute):
            for notebook in near if _is_recipe(node.value) else _loads(node.value):
                yield notebook, node.attr, node.lineno


def _loaded(tree):
    """The notebooks whose recipes are assigned to a `recipe` anywhere in a syntax tree."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    values = [node.value for node in assigned if _is_recipe(node.targets[0])]
    return sorted({notebook for value in values for notebook in _loads(value)})


def _is_recipe(node):
    return getattr(node, "id", getattr(node, "attr", None)) == "recipe"


def _loads(node):
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load_recipe":
        return [a.value for a in node.args if isinstance(a, ast.Constant)]
    return []


def _names(module, node):
    """(module, name) of each definition that a syntax tree uses."""
    own = definitions(module)
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in own:
            yield module, part.id
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            origin = own.get(part.value.id, [None])[0]
            if getattr(origin, "module", "") == "benchmarks":
                yield part.value.id, part.attr
    for notebook, name, _ in _taken(node, _notebooks(module)):
        yield notebook, name


@functools.cache
def _notebooks(module):
    return _loaded(_tree(module))


@functools.cache
def _tree(module):
    path = ROOT / "benchmarks" / f"{module}.py"
    if path.is_file():
        return ast.parse(path.read_text(encoding="utf-8"))
    return ast.parse("\n\n".join(recipe_cells(module)))


def _value(module, table):
    """The syntax tree of a table at the top of a benchmark's module."""
    return definitions(module)[table][0].value


def _form(node):
    """A syntax tree as nested tuples that are alike in all versions of Python."""
    if isinstance(node, list):
        return tuple(map(_form, node))
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if "body" in fields and isinstance(node, ast.FunctionDef | ast.ClassDef):
        fields["body"] = node.body[ast.get_docstring(node) is not None :]
    kept = ((name, _form(value)) for name, value in fields.items() if value not in (None, []))
    return type(node).__name__, *kept


def _checksums(data):
    listed = checksums.read(ROOT / "data")
    found = [f"{listed[name]}  {name}" for name in listed if name.startswith(f"{data}/")]
    if not found:
        raise ValueError(f"data/{checksums.LIST} does not name the files of {data}.")
    return found

"""How far each check of the notebooks is from failing, in spreads over many seeds.

python -m scripts.margins                  list the margins, and bring the table up to date
python -m scripts.margins 1 2 3 4          run what is missing under these seeds first
python -m scripts.margins 1 2 --notebook 04    of the notebooks whose names start with 04

The seeds run in turn with oneDNN as on a processor with AVX2 and without oneDNN: rounding differs
between the two as it does between machines. A check that fails is noted, and the notebook goes on.
What was measured is kept in tests/margins.json after each notebook, in tests/margins.md for
reading, and counted in CONTRIBUTING.md. A run that is started again goes on where it stopped.
"""

import argparse
import ast
import hashlib
import json
import math
import re
import sys

import numpy as np
from nbformat.v4 import new_code_cell

from scripts import notebooks, setup_cell
from scripts.check_log import MIME
from utils.checks import PER_WHOLE

VALUES = notebooks.ROOT / "tests" / "margins.json"
TABLE = notebooks.ROOT / "tests" / "margins.md"
CONTRIBUTING = notebooks.ROOT / "CONTRIBUTING.md"

#: The forms of rounding, in turn: a name, and the environment that brings it about.
ROUNDING = {"AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"}, "no oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
ENOUGH = 2  # spreads; a check with less is re-thought
SEEDS = 3  # fewer say nothing about a spread
TIMEOUT = 3600  # seconds for a cell; one notebook runs on whatever the machine has left

LOGGER = "from scripts.check_log import log_checks\n\nlog_checks()"
WORDS = {"at_least": "at least", "more_than": "more than"}
WORDS |= {"at_most": "at most", "less_than": "less than", "tolerance": "±"}
PLACE = re.compile(r"(?<=<!-- margins -->).*?(?=<!-- /margins -->)", re.DOTALL)


# The checks in a notebook's source


def checks_of(notebook):
    """The check calls of a notebook, in order, from "cell id/number in the cell" to a dict.

    The dict holds `claim` (None where it is made up at run time), `lines` (a range, from 1, in
    the cell), the `bounds` that stand there as numbers, `unit`, and `digest`: of the code before
    it other than checks, and of what it measures. A comment does not count in it, nor do a claim,
    a unit and a bound.
    """
    found, before = {}, hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type != "code" or setup_cell.is_setup(cell):
            continue
        tree = ast.parse(cell.source)
        calls = [node for node in ast.walk(tree) if _is_check(node)]
        calls.sort(key=lambda call: call.lineno)
        before.update(ast.unparse(_WithoutChecks().visit(ast.parse(cell.source))).encode())
        for number, call in enumerate(calls, start=1):
            found[f"{cell.id}/{number}"] = _described(call, before.copy())
    return found


class _WithoutChecks(ast.NodeTransformer):
    def visit_Expr(self, node):
        return None if _is_check(node.value) else node


def _is_check(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"


def _described(call, digest):
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    targets = [keywords[name] for name in ("equals", "close_to") if name in keywords]
    for node in [call.args[1], *targets]:
        digest.update(ast.unparse(node).encode())
    return {
        "claim": _literal(call.args[0]),
        "lines": range(call.lineno, call.end_lineno + 1),
        "bounds": {name: _literal(keywords[name]) for name in WORDS if name in keywords},
        "unit": _literal(keywords.get("unit")) or "",
        "digest": digest.hexdigest()[:10],
    }


def _literal(node):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


# Measuring


def run(path, seed, rounding):
    """Run a notebook with its checks logged.

    Returns the records of each cell by the cell's id, and the error that ended the run, or "".
    """
    notebook = notebooks.read(path)
    (place,) = (i for i, cell in enumerate(notebook.cells) if setup_cell.is_setup(cell))
    notebook.cells.insert(place + 1, new_code_cell(LOGGER))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    environment = notebooks.kernel_environment() | ROUNDING[rounding] | {"SEED": str(seed)}
    error = ""
    try:
        notebooks.execute(notebook, path.parent, environment=environment, timeout=TIMEOUT)
    except notebooks.NotebookError as failure:
        error = str(failure)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {
        cell.id: [output.data[MIME] for output in cell.outputs if MIME in output.get("data", {})]
        for cell in code
    }, error


def add(rows, checks, records, run_name):
    """Enter what a run measured; rows of a check that has since changed lose their old values."""
    for key, check in checks.items():
        cell = key.partition("/")[0]
        its = [record for record in records.get(cell, []) if record["line"] in check["lines"]]
        for name in [name for name in rows if its and name.partition(".")[0] == key]:
            if rows[name]["digest"] != check["digest"] or not rows[name]["values"]:
                del rows[name]
        for number, record in enumerate(its, start=1):
            name = key if len(its) == 1 else f"{key}.{number}"
            row = rows.setdefault(name, {"values": {}})
            row |= {"claim": record["claim"], "bounds": record["bounds"]}
            row |= {"unit": check["unit"], "digest": check["digest"]}
            row["values"][run_name] = _value(record)


def _value(record):
    """A number; [lowest, highest] of an array; or whether an exact check holds."""
    if not record["bounds"] or "low" not in record:
        return record["holds"]
    if "tolerance" in record["bounds"]:
        return _rounded(record.get("difference", math.nan))
    low, high = _rounded(record["low"]), _rounded(record["high"])
    return low if low == high else [low, high]


def _rounded(number):
    return float(f"{number:.8g}")


def refreshed(rows, checks):
    """The rows of the checks that are there now, in their order.

    A row is found by its digest or, where the code has changed, by its place; claim, unit and
    bounds are today's. A check that was never measured has a row without values.
    """
    current = {check["digest"] for check in checks.values()}
    measured = [(name, row) for name, row in rows.items() if row["values"]]
    new = {}
    for key, check in checks.items():
        its = {name: row for name, row in measured if row["digest"] == check["digest"]} or {
            name: row
            for name, row in measured
            if name.partition(".")[0] == key and row["digest"] not in current
        }
        for name, row in (its or {key: {"digest": check["digest"], "values": {}}}).items():
            bounds = row.get("bounds", {})
            bounds |= {word: b for word, b in check["bounds"].items() if b is not None}
            claim = check["claim"] or row.get("claim", "")
            row = row | {"claim": claim, "bounds": bounds, "unit": check["unit"]}
            new[key + "".join(name.partition(".")[1:])] = row
    return new


# The margins


def margin(row):
    """A row's distance from its nearest bound, in standard deviations over the seeds.

    Infinite where nothing varies, NaN with fewer than `SEEDS` runs.
    """
    if len(row["values"]) < SEEDS:
        return math.nan
    spreads = [(slack.mean(), slack.std(ddof=1)) for slack in _slacks(row)]
    return min((mean / spread for mean, spread in spreads if spread > 0), default=math.inf)


def violations(row):
    """The runs in which a row's check does not hold."""
    failed = {run for run, value in row["values"].items() if value is False}
    strict = not {"more_than", "less_than"}.isdisjoint(row["bounds"])
    for slack in _slacks(row):
        holds = slack > 0 if strict else slack >= 0
        failed |= {run for run, held in zip(row["values"], holds, strict=True) if not held}
    return sorted(failed)


def _slacks(row):
    """For each bound, how far within it the value is in each run."""
    values = list(row["values"].values())
    if not values or isinstance(values[0], bool):
        return []
    low, high = _ends(row)
    slacks = []
    for name, bound in row["bounds"].items():
        if name in ("at_least", "more_than"):
            slacks.append(low - bound)
        elif name in ("at_most", "less_than"):
            slacks.append(bound - high)
        else:
            slacks += [bound - high, bound + low]
    return slacks


def _ends(row):
    """The lowest and the highest element in each run: (2, runs)."""
    values = row["values"].values()
    return np.array([value if isinstance(value, list) else [value] * 2 for value in values]).T


# What is written


def table(stored):
    """The text of margins.md: by notebook, each check whose value varies or may vary."""
    head = "| check | bound | lowest | median | highest | spread | margin | seeds |"
    lines = ["# How far each check is from failing", "", summary(stored)]
    for notebook, rows in stored.items():
        varying = [
            row
            for row in rows.values()
            if len(row["values"]) < SEEDS and row["bounds"] or math.isfinite(margin(row))
        ]
        lines += ["", f"## {notebook}", "", head, "|---|---|--:|--:|--:|--:|--:|--:|"]
        lines += map(_line, varying)
        lines += ["", f"{len(rows) - len(varying)} more are exact, or the same in every run."]
    return "\n".join(lines) + "\n"


def _line(row):
    scale, runs, far = PER_WHOLE.get(row["unit"], 1), len(row["values"]), margin(row)
    bounds = [f"{WORDS[name]} {scale * bound:.6g}" for name, bound in row["bounds"].items()]
    bounds = f"{', '.join(bounds)} {row['unit']}".strip()
    found = [""] * 4
    if _slacks(row):
        low, high = scale * _ends(row)
        decides = high if {"at_most", "less_than"} & row["bounds"].keys() else low
        found = [f"{number:.4g}" for number in (low.min(), np.median(decides), high.max())]
        found.append(f"{decides.std(ddof=1):.2g}" if runs > 1 else "")
    found += ["" if math.isnan(far) else f"{far:.1f}", str(runs)]
    return f"| {' | '.join([row['claim'].replace('|', chr(92) + '|'), bounds, *found])} |"


def summary(stored):
    """The paragraph that CONTRIBUTING.md quotes."""
    rows = [(notebook, row) for notebook, its in stored.items() for row in its.values()]
    known = [(margin(row), notebook, row["claim"]) for notebook, row in rows]
    known = [each for each in known if math.isfinite(each[0])]
    measured = [len(row["values"]) for _, row in rows if len(row["values"]) >= SEEDS]
    text = f"Of {len(rows)} checks, {len(measured)} ran under {SEEDS} seeds or more"
    if measured:
        text += f" (half of them under {np.median(measured):.0f} or more)"
    if known:
        far, notebook, claim = min(known)
        near = sum(each[0] < ENOUGH for each in known)
        text += f", and {len(known)} of these measure what varies. {near or 'None'} of them"
        text += (
            f" {'is' if near < 2 else 'are'} within {ENOUGH} spreads of failing; the least margin"
        )
        text += f" is {far:.1f} spreads ({notebook}, “{claim}”)"
    return text + "."


def load():
    """What is stored, by notebook, brought up to date with the notebooks as they are now."""
    stored = json.loads(VALUES.read_text(encoding="utf-8")) if VALUES.exists() else {}
    return {
        _name(path): refreshed(stored.get(_name(path), {}), checks_of(notebooks.read(path)))
        for path in notebooks.notebook_paths()
    }


def texts(stored):
    """The files that hold what was measured, and their texts."""
    rows = {
        notebook: ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in its.items()
        )
        for notebook, its in stored.items()
    }
    values = ",\n".join(f" {json.dumps(name)}: {{\n{its}\n }}" for name, its in rows.items())
    guide = CONTRIBUTING.read_text(encoding="utf-8")
    return {
        VALUES: f"{{\n{values}\n}}\n",
        TABLE: table(stored),
        CONTRIBUTING: PLACE.sub(lambda _: summary(stored), guide),
    }


def _name(path):
    return str(path.relative_to(notebooks.ROOT / "notebooks").with_suffix("")).replace("\\", "/")


def _write(stored):
    for path, text in texts(stored).items():
        path.write_text(text, encoding="utf-8", newline="\n")


def stale(row, checks):
    """Whether a row was measured on an earlier text of its notebook."""
    return row["digest"] not in {check["digest"] for check in checks.values()}


def main(arguments):
    """Measure what is missing, write the files, and list what is near its bound."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("seeds", type=int, nargs="*")
    options.add_argument("--notebook", default="", help="the beginning of its file name")
    options = options.parse_args(arguments)
    stored = load()
    for number, seed in enumerate(options.seeds):
        rounding = list(ROUNDING)[number % 2]
        for path in notebooks.notebook_paths(options.notebook):
            checks, rows = checks_of(notebooks.read(path)), stored[_name(path)]
            run_name = f"{seed} {rounding}"
            if all(run_name in row["values"] and not stale(row, checks) for row in rows.values()):
                continue
            records, error = run(path, seed, rounding)
            add(rows, checks, records, run_name)
            stored[_name(path)] = refreshed(rows, checks)
            _write(stored)
            print(f"{_name(path)}, seed {run_name}: {error or 'done'}", flush=True)
    _write(stored)
    for notebook, rows in stored.items():
        path = notebooks.ROOT / "notebooks" / f"{notebook}.ipynb"
        checks = checks_of(notebooks.read(path))
        old = sum(stale(row, checks) for row in rows.values())
        missing = sum(not row["values"] for row in rows.values())
        print(f"{notebook}: {len(rows)} rows, {missing} not measured, {old} on an earlier text")
        for row in rows.values():
            if failed := violations(row):
                print(f"  fails under {', '.join(failed)}: {_line(row)}")
            elif margin(row) < ENOUGH:
                print(f"  near its bound: {_line(row)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

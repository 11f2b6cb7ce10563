import math
import shutil

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from scripts import margins, notebooks, setup_cell
from scripts.check_log import measured

CELL = "x = 1\ncheck('one', x, at_least=0.5, unit='%')\ncheck('two', x + 1, close_to=2)"


def a_notebook(*sources):
    setup = new_code_cell(setup_cell.source("", "main"), metadata=setup_cell.METADATA)
    cells = [new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return new_notebook(cells=[setup, *cells])


def row(values, **bounds):
    values = {str(number): value for number, value in enumerate(values)}
    return {"claim": "x", "bounds": bounds, "unit": "", "digest": "", "values": values}


# The stored table


def test_the_stored_table_is_that_of_the_checks_in_the_notebooks():
    """Where this fails after a check was added, renamed or deleted: `make margins`."""
    for path, text in margins.texts(margins.load()).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make margins`"


def test_no_stored_value_violates_its_bound():
    failed = {
        f"{notebook}: {row['claim']}": runs
        for notebook, rows in margins.load().items()
        for row in rows.values()
        if (runs := margins.violations(row))
    }
    assert failed == {}


def test_no_check_is_near_its_bound():
    near = {
        f"{notebook}: {row['claim']}": round(margins.margin(row), 2)
        for notebook, rows in margins.load().items()
        for row in rows.values()
        if margins.margin(row) < margins.ENOUGH
    }
    assert near == {}


# Checks in the source


def test_checks_are_found_with_what_stands_in_them():
    checks = margins.checks_of(a_notebook("y = 2", CELL, "check(f'{x}', y, at_most=y)"))
    assert list(checks) == ["c1/1", "c1/2", "c2/1"]
    assert checks["c1/1"]["claim"] == "one" and checks["c1/1"]["bounds"] == {"at_least": 0.5}
    assert checks["c1/1"]["unit"] == "%" and 2 in checks["c1/1"]["lines"]
    assert checks["c2/1"]["claim"] is None and checks["c2/1"]["bounds"] == {"at_most": None}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("'one'", "'uno'"), True),
        (("at_least=0.5", "at_least=0.7"), True),
        (("unit='%'", "unit='points'"), True),
        (("x = 1", "x = 1  # so"), True),
        (("x = 1", "x = 2"), False),
        (("'one', x", "'one', x + x"), False),
    ],
)
def test_a_digest_is_of_the_code_and_not_of_the_words(change, same):
    before = margins.checks_of(a_notebook(CELL))["c0/1"]["digest"]
    after = margins.checks_of(a_notebook(CELL.replace(*change)))["c0/1"]["digest"]
    assert (before == after) == same


def test_what_comes_later_and_other_checks_do_not_count_in_a_digest():
    before = margins.checks_of(a_notebook(CELL, "y = 1"))["c0/2"]["digest"]
    cell = CELL.replace("check('one', x,", "check('one', x * x,")
    assert margins.checks_of(a_notebook(cell, "y = 2"))["c0/2"]["digest"] == before


# Rows


def test_values_survive_another_claim_bound_and_place_and_not_other_code():
    records = {"c0": [{"line": 2, "claim": "one", "holds": True, **measured(0.75, at_least=0.5)}]}
    rows = {}
    margins.add(rows, margins.checks_of(a_notebook(CELL)), records, "1 AVX2")
    rows = margins.refreshed(rows, margins.checks_of(a_notebook(CELL)))
    assert list(rows) == ["c0/1", "c0/2"] and rows["c0/2"]["values"] == {}
    assert rows["c0/1"]["values"] == {"1 AVX2": 0.75}

    cell = (
        CELL.replace("'one'", "'uno'").replace("0.5", "0.8").replace("x = 1", "x = 1\ncheck('', 0)")
    )
    checks = margins.checks_of(a_notebook(cell))
    moved = margins.refreshed(rows, checks)
    assert list(moved) == ["c0/1", "c0/2", "c0/3"] and moved["c0/1"]["values"] == {}
    assert moved["c0/2"]["claim"] == "uno" and moved["c0/2"]["bounds"] == {"at_least": 0.8}
    assert margins.violations(moved["c0/2"]) == ["1 AVX2"]
    assert not margins.stale(moved["c0/2"], checks)

    checks = margins.checks_of(a_notebook(CELL.replace("x = 1", "x = 2")))
    kept = margins.refreshed(rows, checks)
    assert kept["c0/1"]["values"] == {"1 AVX2": 0.75} and margins.stale(kept["c0/1"], checks)
    margins.add(kept, checks, records, "2 AVX2")
    assert kept["c0/1"]["values"] == {"2 AVX2": 0.75}
    assert margins.refreshed(rows, margins.checks_of(a_notebook("x = 1"))) == {}


def test_a_check_in_a_loop_has_a_row_for_each_turn():
    records = [
        {"line": 2, "claim": f"{n}", "holds": True, **measured(n, at_least=n - 1)} for n in (1, 2)
    ]
    checks = margins.checks_of(a_notebook("for n in (1, 2):\n    check(f'{n}', n, at_least=n - 1)"))
    rows = margins.refreshed({}, checks)
    margins.add(rows, checks, {"c0": records}, "1 AVX2")
    rows = margins.refreshed(rows, checks)
    assert {name: row["claim"] for name, row in rows.items()} == {"c0/1.1": "1", "c0/1.2": "2"}
    assert [row["bounds"] for row in rows.values()] == [{"at_least": 0}, {"at_least": 1}]


@pytest.mark.parametrize(
    ("values", "bounds", "spreads"),
    [
        ([1, 2, 3], {"at_least": 0}, 2.0),
        ([1, 2, 3], {"at_least": 0, "at_most": 3}, 1.0),
        ([1, 2, 3], {"more_than": 4}, -2.0),
        ([-1, 0, 1], {"tolerance": 3}, 3.0),
        ([[1, 9], [2, 9], [3, 9]], {"at_least": 0, "at_most": 10}, 2.0),
        ([5, 5, 5], {"at_least": 0}, math.inf),
        ([True, True, True], {}, math.inf),
        ([1, 2], {"at_least": 0}, math.nan),
    ],
)
def test_the_margin_is_the_distance_in_spreads(values, bounds, spreads):
    np.testing.assert_allclose(margins.margin(row(values, **bounds)), spreads)


@pytest.mark.parametrize(
    ("values", "bounds", "failed"),
    [
        ([1, 2], {"at_least": 2}, ["0"]),
        ([1, 2], {"more_than": 1}, ["0"]),
        ([1, 2], {"at_least": 0}, []),
        ([1, math.nan], {"at_least": 0}, ["1"]),
        ([[0, 5], [0, 7]], {"at_most": 6}, ["1"]),
        ([-4, 2], {"tolerance": 3}, ["0"]),
        ([True, False], {}, ["1"]),
    ],
)
def test_violations_name_the_runs(values, bounds, failed):
    assert margins.violations(row(values, **bounds)) == failed


# Running


def test_a_notebook_runs_on_past_a_failing_check(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name in ("utils", "scripts"):
        shutil.copytree(notebooks.ROOT / name, tmp_path / name)
    shutil.copy(notebooks.ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "notebooks" / "01_first.ipynb"
    sources = [
        "import os\nfrom utils.checks import check",
        "check('fails', 0.25, at_least=0.5)\ncheck('holds', [1, 3], at_most=3)",
        "check(os.environ['SEED'], os.environ['ONEDNN_MAX_CPU_ISA'], equals='AVX2')\n1 / 0",
    ]
    notebooks.write(path, a_notebook(*sources))
    records, error = margins.run(path, 7, "AVX2")
    assert "ZeroDivisionError" in error
    rows, checks = {}, margins.checks_of(notebooks.read(path))
    margins.add(rows, checks, records, "7 AVX2")
    assert [(row["claim"], row["values"]["7 AVX2"]) for row in rows.values()] == [
        ("fails", 0.25),
        ("holds", [1.0, 3.0]),
        ("7", True),
    ]
    assert margins.violations(rows["c1/1"]) == ["7 AVX2"]

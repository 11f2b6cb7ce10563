import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from scripts import notebooks
from utils import ROOT
from utils.checks import CheckFailed, check

HALVES = np.array([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("value", "conditions", "line"),
    [
        (0.268, {"at_most": 0.6, "unit": "%"}, "✓ x: 26.8 % (at most 60 %)"),
        (0.98431, {"at_least": 0.982, "unit": "%"}, "✓ x: 98.43 % (at least 98.2 %)"),
        (0.982, {"at_least": 0.982}, "✓ x: 0.9820 (at least 0.982)"),
        (0.07, {"at_most": 0.07, "unit": "%"}, "✓ x: 7.00 % (at most 7 %)"),
        (-0.0012, {"at_least": -0.003, "unit": "points"}, "✓ x: -0.120 points (at least -0.3"),
        (25.31, {"at_most": 26, "unit": "rentals"}, "✓ x: 25.3 rentals (at most 26 rentals)"),
        (162.4, {"at_least": 1, "unit": "nats"}, "✓ x: 162 nats (at least 1 nat)"),
        (0.2, {"at_least": 0.1, "at_most": 0.3}, "✓ x: 0.200 (at least 0.1, at most 0.3)"),
        (np.float32(0.5), {"less_than": 1}, "✓ x: 0.500 (less than 1)"),
        (np.int64(1100), {"at_least": 1000}, "✓ x: 1,100 (at least 1,000)"),
        (0.0, {"at_least": 0}, "✓ x: 0 (at least 0)"),
        (3.21e-8, {"at_most": 1e-5}, "✓ x: 3.21e-08 (at most 1e-05)"),
        (np.inf, {"at_least": 1}, "✓ x: inf (at least 1)"),
        (np.array([2, 3]), {"more_than": 1}, "✓ x: smallest 2 (more than 1)"),
        (np.array([2, 3]), {"at_most": 4}, "✓ x: largest 3 (at most 4)"),
        (
            HALVES,
            {"at_least": 0, "at_most": 1, "shape": 3},
            "✓ x: 0 to 1 (at least 0, at most 1), shape (3,)",
        ),
        (101_770, {"equals": 101_770}, "✓ x = 101,770"),
        (64.0, {"equals": 64, "unit": "MiB"}, "✓ x = 64 MiB"),
        (np.float64(1), {"equals": 1.0, "unit": "%"}, "✓ x = 100 %"),
        (np.array([2, 3]), {"equals": [2, 3]}, "✓ x = [2, 3]"),
        (np.arange(2000), {"equals": np.arange(2000)}, "✓ x: equal in all 2,000 elements"),
        (np.array([0.1, 0.2]), {"equals": [0.1, 0.2]}, "✓ x: equal in all 2 elements"),
        (2.354, {"close_to": 2.3, "tolerance": 0.4}, "✓ x: 2.35 (2.3 ± 0.4)"),
        (
            0.8203,
            {"close_to": 0.82, "tolerance": 0.005, "unit": "%"},
            "✓ x: 82.03 % (82 ± 0.5 %)",
        ),
        (1.0, {"close_to": 1}, "✓ x: 1 (1 ± 1e-05)"),
        (HALVES + 2e-6, {"close_to": HALVES}, "✓ x: largest difference 2.00e-06 (at most 1e-05)"),
        (np.zeros((2, 3)), {"shape": (2, 3)}, "✓ x: shape (2, 3)"),
        ("a", {"equals": "a"}, "✓ x = a"),
        (True, {}, "✓ x"),
    ],
)
def test_a_claim_that_holds_prints_the_value_and_the_bound(capsys, value, conditions, line):
    check("x", value, **conditions)
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


@pytest.mark.parametrize(
    ("value", "conditions", "line"),
    [
        (0.97, {"at_least": 0.982}, "✗ x: 0.9700, not at least 0.982"),
        (0.603, {"at_most": 0.6, "unit": "%"}, "✗ x: 60.3 %, not at most 60 %"),
        (0.99, {"at_least": 0.5, "at_most": 0.6}, "✗ x: 0.990, not at least 0.5, at most 0.6"),
        (1, {"more_than": 1}, "✗ x: 1, not more than 1"),
        (1, {"less_than": 1}, "✗ x: 1, not less than 1"),
        (float("nan"), {"at_least": 0}, "✗ x: nan, not at least 0"),
        (float("nan"), {"at_most": 0}, "✗ x: nan"),
        (float("nan"), {"close_to": 0}, "✗ x: nan, not 0 ± 1e-05"),
        (HALVES * np.nan, {"close_to": HALVES}, "✗ x: nan, not at most 1e-05"),
        (np.array([0.5, np.nan] * 8), {"at_most": 1}, "✗ x: NaN in 8 of 16 elements, not at most"),
        (np.arange(20), {"at_least": 3}, "✗ x: smallest 0, not at least 3"),
        (np.array([]), {"at_least": 0}, "✗ x: [], not at least 0"),
        (
            np.ones(3),
            {"equals": np.ones(4)},
            "✗ x: equal in all 4 elements, but measured [1., 1., 1.]",
        ),
        (
            np.ones((3, 1)),
            {"equals": np.ones((1, 3))},
            "✗ x: equal in all 3 elements, but measured",
        ),
        (0.999, {"equals": 1.0, "unit": "%"}, "✗ x = 100 %, but measured 99.9 %"),
        (np.ones(3), {"close_to": [1, 1, 1.1]}, "✗ x: largest difference 0.100, not at most"),
        (np.ones(3), {"close_to": np.ones(4)}, "✗ x: shape (3,), not (4,)"),
        (np.ones((3, 1)), {"close_to": np.ones(3)}, "✗ x: shape (3, 1), not (3,)"),
        (np.ones(3), {"close_to": 1}, "✗ x: shape (3,), not ()"),
        (np.zeros((2, 3)), {"shape": (3, 2)}, "✗ x: shape (2, 3), not (3, 2)"),
        (False, {}, "✗ x: measured False"),
        (np.array([True, False]), {}, "✗ x: measured"),
        ("a", {"equals": "b"}, "✗ x = b, but measured a"),
    ],
)
def test_a_claim_that_does_not_hold_raises_with_the_measured_value(capsys, value, conditions, line):
    with pytest.raises(CheckFailed) as caught:
        check("x", value, **conditions)
    assert str(caught.value).startswith(line)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "conditions", "measured"),
    [
        (0.020003, {"at_most": 0.02}, "0.020003"),
        (0.020003, {"at_most": 0.02, "unit": "points"}, "2.0003 points"),
        (0.0199999, {"less_than": 0.02}, "0.0199999"),
        (0.0199999, {"at_least": 0.02}, "0.0199999"),
        (0.8250001, {"close_to": 0.82, "tolerance": 0.005}, "0.8250001"),
        (0.8249999, {"close_to": 0.82, "tolerance": 0.005}, "0.8250 "),
        (2.000000000001, {"close_to": 1, "tolerance": 1}, "2.000000000001,"),
    ],
)
def test_digits_show_on_which_side_of_the_bound_a_value_is(capsys, value, conditions, measured):
    try:
        check("x", value, **conditions)
        line = capsys.readouterr().out
    except CheckFailed as failure:
        line = str(failure)
    assert f"x: {measured}" in line


def test_a_claim_needs_words_and_a_bound_something_to_compare():
    with pytest.raises(ValueError, match="claim in words"):
        check(" ", True)
    with pytest.raises(TypeError):
        check("x", "a", at_least=1)


# nbval: what may differ between the stored line and a new one

LINE = "✓ accuracy: 26.8 % (at most 60 %)"
CELLS = {
    # name: (source, the stored line, whether nbval is to accept it)
    "the same": ('check("accuracy", 0.268, at_most=0.6, unit="%")', LINE, True),
    "another value": ('check("accuracy", 0.3125, at_most=0.6, unit="%")', LINE, True),
    "more digits": ('check("accuracy", 0.59999, at_most=0.6, unit="%")', LINE, True),
    "another bound": ('check("accuracy", 0.268, at_most=0.7, unit="%")', LINE, False),
    "another side": ('check("accuracy", 0.7, at_least=0.6, unit="%")', LINE, False),
    "one bound more": ('check("accuracy", 0.2, at_least=0, at_most=0.6, unit="%")', LINE, False),
    "another claim": ('check("precision", 0.268, at_most=0.6, unit="%")', LINE, False),
    "another unit": ('check("accuracy", 0.268, at_most=0.6, unit="points")', LINE, False),
    "no unit": ('check("accuracy", 26.8, at_most=60)', LINE, False),
    "fails": ('check("accuracy", 0.7, at_most=0.6, unit="%")', LINE, False),
    "NaN": ('check("accuracy", float("nan"), at_most=0.6, unit="%")', LINE, False),
    "NaN printed": (f"print({LINE.replace('26.8', 'nan')!r})", LINE, False),
    "value missing": (f"print({LINE.replace('26.8 ', '')!r})", LINE, False),
    "check deleted": ('print("nothing")', LINE, False),
    "other text": (f"print({LINE!r}); print(1.25)", f"{LINE}\n1.5", False),
    "exact": ('check("classes", 10, equals=10)', "✓ classes = 9", False),
    "boolean": ('check("the one", True)', "✓ the other", False),
    "largest": ('check("x", [2, 5], at_most=6)', "✓ x: largest 4 (at most 6)", True),
    "range": (
        'check("x", [2.5, 5], at_least=-1, at_most=6)',
        "✓ x: -1 to 4 (at least -1, at most 6)",
        True,
    ),
    "tiny": (
        'check("x", [2 + 3e-8, 5], close_to=[2, 5])',
        "✓ x: largest difference 0 (at most 1e-05)",
        True,
    ),
    "tolerance": ('check("x", 2.1, close_to=2, tolerance=0.5)', "✓ x: 2 (2 ± 0.5)", True),
    "tolerance changed": ('check("x", 2.1, close_to=2, tolerance=0.4)', "✓ x: 2 (2 ± 0.5)", False),
}


def test_nbval_compares_claim_unit_and_bound_and_not_the_value(tmp_path):
    path = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom utils.checks import check"
    cells = [new_code_cell(path, execution_count=1)]
    for source, line, _ in CELLS.values():
        output = new_output("stream", name="stdout", text=line + "\n")
        cells.append(new_code_cell(source, execution_count=len(cells) + 1, outputs=[output]))
    nbformat.write(new_notebook(cells=cells), tmp_path / "checks.ipynb")
    options = ["--nbval", "-rA", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    options += ["--nbval-current-env", "--nbval-sanitize-with", ROOT / "tests/nbval_sanitize.cfg"]
    command = [sys.executable, "-m", "pytest", *map(str, options), "checks.ipynb"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    passed = {int(number) for number in re.findall(r"^PASSED .*::Cell (\d+)", run.stdout, re.M)}
    assert 0 in passed, run.stdout
    accepted = {name for number, name in enumerate(CELLS, start=1) if number in passed}
    assert accepted == {name for name, (_, _, accept) in CELLS.items() if accept}


def test_the_lint_accepts_what_checks_print(capsys):
    check("x", 3.21e-8, at_most=1e-5)
    check("x", HALVES, at_least=0, at_most=1, shape=3)
    output = new_output("stream", name="stdout", text=capsys.readouterr().out)
    assert notebooks.problems(new_notebook(cells=[new_code_cell("", outputs=[output])])) == []

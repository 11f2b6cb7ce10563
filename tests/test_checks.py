import numpy as np
import pytest

from utils.checks import CheckFailed, check


@pytest.mark.parametrize(
    ("value", "condition", "line"),
    [
        (0.9871, {"at_least": 0.982}, "✓ x ≥ 0.982"),
        (0.982, {"at_least": 0.982}, "✓ x ≥ 0.982"),
        (0.2, {"at_least": 0.1, "at_most": 0.3}, "✓ x ≥ 0.1, ≤ 0.3"),
        (101_770, {"equals": 101_770}, "✓ x = 101,770"),
        (np.float32(0.5), {"less_than": 1}, "✓ x < 1"),
        (np.array([2, 3]), {"more_than": 1}, "✓ x > 1"),
        (np.array([2, 3]), {"equals": [2, 3]}, "✓ x = [2, 3]"),
        (np.arange(2000), {"equals": np.arange(2000)}, "✓ x equal in all 2,000 elements"),
        (np.array([0.1, 0.2]), {"equals": [0.1, 0.2]}, "✓ x equal in all 2 elements"),
        (1.0000001, {"close_to": 1.0}, "✓ x = 1 within 1e-05"),
        (np.ones(3), {"close_to": np.ones(3), "tolerance": 1e-6}, "✓ x equal within 1e-06"),
        (np.zeros((2, 3)), {"shape": (2, 3)}, "✓ x has shape (2, 3)"),
        (np.zeros(3), {"shape": 3}, "✓ x has shape (3,)"),
        ("a", {"equals": "a"}, "✓ x = a"),
        (True, {}, "✓ x"),
    ],
)
def test_a_claim_that_holds_prints_one_line_without_the_measured_value(
    capsys, value, condition, line
):
    check("x", value, **condition)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    ("value", "condition", "measured"),
    [
        (0.97, {"at_least": 0.982}, "measured 0.97"),
        (1, {"more_than": 1}, "measured 1"),
        (1, {"less_than": 1}, "measured 1"),
        (float("nan"), {"at_least": 0}, "measured nan"),
        (float("nan"), {"at_most": 0}, "measured nan"),
        (float("nan"), {"close_to": 0}, "measured nan"),
        (np.array([0.5, np.nan] * 8), {"at_most": 1}, "NaN in 8 of 16"),
        (np.arange(20), {"at_least": 3}, "a smallest element of 0"),
        (np.array([]), {"at_least": 0}, "measured"),
        (np.ones(3), {"equals": np.ones(4)}, "measured"),
        (np.ones((3, 1)), {"equals": np.ones((1, 3))}, "measured"),
        (np.ones(3), {"close_to": [1, 1, 1.1]}, "largest difference 0.1"),
        (np.ones(3), {"close_to": np.ones(4)}, "shape (3,), not (4,)"),
        (np.ones((3, 1)), {"close_to": np.ones(3)}, "shape (3, 1), not (3,)"),
        (np.zeros((2, 3)), {"shape": (3, 2)}, "shape (2, 3)"),
        (False, {}, "measured False"),
        (np.array([True, False]), {}, "measured"),
        ("a", {"equals": "b"}, "measured a"),
    ],
)
def test_a_claim_that_does_not_hold_raises_with_the_measured_value(
    capsys, value, condition, measured
):
    with pytest.raises(CheckFailed, match="✗ x") as caught:
        check("x", value, **condition)
    assert measured in str(caught.value)
    assert capsys.readouterr().out == ""


def test_a_claim_needs_words():
    with pytest.raises(ValueError, match="claim in words"):
        check(" ", True)

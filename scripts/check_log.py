"""In a notebook's kernel: has each check publish what it measured, and go on where it fails.

scripts/margins.py runs `log_checks()` in a cell after the set-up cell, and reads the outputs.
"""

import functools
import sys

import numpy as np
from IPython.display import display

from utils import checks

#: The type of an output that carries a check's record.
MIME = "application/x-check+json"


def log_checks():
    """Replace `utils.checks.check` by one that also displays a record, and never raises.

    The record is `measured` of the check's arguments, the claim, the check's line in its cell,
    and whether it holds.
    """
    check = checks.check

    @functools.wraps(check)
    def logged(claim, value, **conditions):
        record = {"claim": str(claim), "line": sys._getframe(1).f_lineno, "holds": True}
        try:
            check(claim, value, **conditions)
        except checks.CheckFailed as failure:
            record["holds"] = False
            print(failure)
        display({MIME: record | measured(value, **conditions)}, raw=True)

    checks.check = logged


def measured(value, close_to=None, equals=None, shape=None, tolerance=1e-5, unit="", **bounds):
    """What a check measured, in numbers, and its bounds.

    Returns:
        A dict: `bounds`, from a bound's name (`tolerance` for `close_to`) to its number; `low`
        and `high`, the value's smallest and largest element where it has numbers; `difference`,
        with `close_to`: of a number the difference, of an array the largest absolute one.
    """
    record = {"bounds": {name: float(bound) for name, bound in bounds.items()}}
    array = np.asarray(value)
    if array.size and array.dtype.kind in "iufb":
        record |= {"low": float(array.min()), "high": float(array.max())}
    if close_to is not None:
        record["bounds"]["tolerance"] = tolerance
        if array.shape == np.shape(close_to):
            difference = array - np.asarray(close_to)
            largest = np.abs(difference).max() if array.ndim else difference
            record["difference"] = float(largest)
    return record

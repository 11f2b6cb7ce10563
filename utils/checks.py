"""Checks: claims of the text as lines of code that can fail.

A check that holds prints one line which is the same on every machine, whatever value was
measured, so that a stored notebook and a new run of it agree. A check that fails raises
`CheckFailed` with the measured value.
"""

import numpy as np


class CheckFailed(AssertionError):
    """A claim of the notebook does not hold here; the message has the measured value."""


def check(
    claim,
    value,
    *,
    at_least=None,
    at_most=None,
    more_than=None,
    less_than=None,
    equals=None,
    close_to=None,
    tolerance=1e-5,
    shape=None,
):
    """Print `✓ claim` with its bound, or raise with the measured value.

    Args:
        claim: What is measured, in words: "test accuracy".
        value: A number, a NumPy array or tensor, a boolean, or anything that has `==`. An array
            meets a bound when each of its elements does; NaN meets none.
        at_least, at_most: Bounds that the value may equal.
        more_than, less_than: Bounds that it may not equal.
        equals: What the value has to be, exactly; arrays are compared in shape and in each
            element, and a small one of whole numbers is printed.
        close_to: What the value has to be to within `tolerance`: a number, or an array of the
            value's shape.
        tolerance: Largest absolute difference allowed with `close_to`, in the value's own unit.
        shape: The shape that the value has to have, a tuple; an int stands for one axis.

    Without any condition, `value` has to be true.

    Raises:
        CheckFailed: The claim does not hold.
        ValueError: `claim` is empty.
        TypeError: A bound is set on what cannot be compared with it.
    """
    if not str(claim).strip():
        raise ValueError("check() needs a claim in words as its first argument.")
    bounds = [
        ("≥", at_least, np.greater_equal),
        (">", more_than, np.greater),
        ("≤", at_most, np.less_equal),
        ("<", less_than, np.less),
    ]
    wanted, failed = [], []

    for sign, bound, holds in bounds:
        if bound is not None:
            wanted.append(f"{sign} {_short(bound)}")
            if not _all(holds(_array(value), _array(bound))):
                failed.append(_measured(value, sign))
    if equals is not None:
        target = _array(equals)
        printed = target.ndim == 0 or (target.size <= 12 and target.dtype.kind != "f")
        wanted.append(
            f"= {_short(equals)}" if printed else f"equal in all {target.size:,} elements"
        )
        if not _equal(value, equals):
            failed.append(_measured(value))
    if close_to is not None:
        is_array = _array(close_to).ndim > 0
        within = f"within {tolerance:g}"
        wanted.append(f"equal {within}" if is_array else f"= {_short(close_to)} {within}")
        found, target = _array(value), _array(close_to)
        if is_array and found.shape != target.shape:
            failed.append(f"shape {found.shape}, not {target.shape}")
        elif not _all(np.abs(found - target) <= tolerance):
            difference = np.max(np.abs(found - target))
            failed.append(f"largest difference {difference:.6g}" if is_array else _measured(value))
    if shape is not None:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        wanted.append(f"has shape {shape}")
        found = tuple(getattr(value, "shape", _array(value).shape))
        if found != shape:
            failed.append(f"shape {found}")
    if not wanted and not _all(value):
        failed.append(_measured(value))

    text = " ".join([str(claim), ", ".join(wanted)]).strip()
    if failed:
        raise CheckFailed(f"✗ {text}: measured {', '.join(dict.fromkeys(failed))}")
    print(f"✓ {text}")


def _array(value):
    return np.asarray(value)


def _all(condition):
    condition = np.asarray(condition)
    return condition.size > 0 and bool(condition.all())


def _equal(value, target):
    if isinstance(value, str) or isinstance(target, str):
        return value == target
    value, target = _array(value), _array(target)
    return value.shape == target.shape and _all(value == target)


def _measured(value, sign=""):
    """The value in words; of an array, the element that is furthest from the bound."""
    array = _array(value)
    if array.ndim == 0 or array.size == 0:
        return _short(value)
    if array.size <= 10 or array.dtype.kind not in "iufb":
        return _short(value)
    if array.dtype.kind == "f" and np.isnan(array).any():
        return f"NaN in {int(np.isnan(array).sum())} of {array.size} elements"
    if sign in ("≥", ">"):
        return f"a smallest element of {_short(array.min())}"
    if sign in ("≤", "<"):
        return f"a largest element of {_short(array.max())}"
    return f"an array of shape {array.shape}"


def _short(value):
    """A value as a reader would write it: 0.982, 101,770, [1 2 3]."""
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    array = _array(value)
    if array.ndim or array.dtype.kind not in "iuf":
        return np.array2string(array, precision=4, separator=", ", threshold=12)
    number = array.item()
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:.6g}"

"""Checks: claims of the text as lines of code that can fail.

A check that holds prints the claim, what was measured and the bound. `tests/nbval_sanitize.cfg`
lets the measured number differ from run to run, and nothing else of the line. A check that fails
raises `CheckFailed` with the same three.
"""

import math
from decimal import Decimal

import numpy as np

#: Units of shares: how many of them make up the whole.
PER_WHOLE = {"%": 100, "points": 100}

COMPARISONS = {
    "at least": np.greater_equal,
    "more than": np.greater,
    "at most": np.less_equal,
    "less than": np.less,
}
LOWER = ("at least", "more than")


class CheckFailed(AssertionError):
    """A claim of the notebook does not hold here; the message has the measured value."""


def check(
    claim,
    value,
    *,
    at_least=None,
    more_than=None,
    at_most=None,
    less_than=None,
    close_to=None,
    tolerance=1e-5,
    equals=None,
    shape=None,
    unit="",
):
    """Print `✓ claim: value (bound)`, or raise with the measured value.

    What can have one value only is printed once: `✓ claim = value`.

    Args:
        claim: What is measured, in words: "test accuracy".
        value: A number, a NumPy array or tensor, a boolean, or anything that has `==`. An array
            meets a bound when each of its elements does; the element nearest to the bound is
            printed. NaN meets none.
        at_least, at_most: Numbers that the value may equal.
        more_than, less_than: Numbers that it may not equal.
        close_to: What the value has to be to within `tolerance`: a number, or an array of the
            value's shape, of which the largest difference is printed.
        tolerance: Largest absolute difference allowed with `close_to`, in the value's own unit.
        equals: What the value has to be, exactly; arrays are compared in shape and in each
            element, and a small one of whole numbers is printed.
        shape: The shape that the value has to have, a tuple; an int stands for one axis.
        unit: What is written after the numbers: "rentals", "nats". With "%" a share of 1 is
            written in percent, with "points" a difference of shares in percentage points:
            `check("accuracy", 0.984, at_least=0.98, unit="%")` prints `98.4 % (at least 98 %)`.

    Without any condition, `value` has to be true.

    Raises:
        CheckFailed: The claim does not hold.
        ValueError: `claim` is empty.
        TypeError: A bound is set on what cannot be compared with it.
    """
    if not str(claim).strip():
        raise ValueError("check() needs a claim in words as its first argument.")
    bounds = {"at least": at_least, "more than": more_than}
    bounds |= {"at most": at_most, "less than": less_than}
    bounds = {words: bound for words, bound in bounds.items() if bound is not None}
    results = []  # of each condition: whether it holds, and what to print if so and if not
    if bounds:
        results.append(_compared(value, bounds, unit))
    if close_to is not None:
        results.append(_close(value, close_to, tolerance, unit))
    if equals is not None:
        results.append(_equal(value, equals, unit))
    if shape is not None:
        results.append(_shaped(value, (shape,) if isinstance(shape, int) else tuple(shape)))
    if not results:
        results.append((_all(value), "", f": measured {_described(value, unit)}"))

    if failed := [text for holds, _, text in results if not holds]:
        raise CheckFailed(f"✗ {claim}{_listed(failed)}")
    print(f"✓ {claim}{_listed([text for _, text, _ in results])}")


def _listed(texts):
    return ",".join([texts[0], *(text.removeprefix(":") for text in texts[1:])])


def _compared(value, bounds, unit, what=""):
    """Whether a value is within its bounds; `what` is said before the number."""
    array = np.asarray(value)
    holds = {words: _all(COMPARISONS[words](array, bound)) for words, bound in bounds.items()}
    texts = {words: _short(_scaled(bound, unit)) for words, bound in bounds.items()}
    wanted = ", ".join(f"{words} {_bound(text, unit)}" for words, text in texts.items())
    if not array.size or np.isnan(array).any():
        return _outcome(all(holds.values()), _described(value, unit), wanted)

    def figure(number, sides):
        def agrees(shown):
            return all(COMPARISONS[w](shown, _read(texts[w])) == holds[w] for w in sides)

        return _rounded(_scaled(number.item(), unit), agrees, [texts[w] for w in sides])

    lower = [words for words in bounds if words in LOWER]
    upper = [words for words in bounds if words not in LOWER]
    if array.ndim == 0:
        measured = figure(array, list(bounds))
    elif lower and upper:
        measured = f"{figure(array.min(), lower)} to {figure(array.max(), upper)}"
    elif lower:
        measured = f"smallest {figure(array.min(), lower)}"
    else:
        measured = f"largest {figure(array.max(), upper)}"
    return _outcome(all(holds.values()), f"{what}{_with_unit(measured, unit)}", wanted)


def _close(value, target, tolerance, unit):
    found, target = np.asarray(value), np.asarray(target)
    if found.shape != target.shape:
        return _shaped(found, target.shape)
    if target.ndim:
        difference = np.abs(found - target).max() if target.size else math.nan
        return _compared(difference, {"at most": tolerance}, unit, what="largest difference ")
    holds = bool(np.abs(found - target) <= tolerance)
    centre, width = _short(_scaled(target, unit)), _short(_scaled(tolerance, unit))

    def agrees(shown):
        return (abs(shown - _read(centre)) <= _read(width)) == holds

    measured = _rounded(_scaled(found.item(), unit), agrees, [centre, width])
    wanted = f"{centre} ± {_bound(width, unit)}"
    return _outcome(holds, _with_unit(measured, unit), wanted)


def _outcome(holds, measured, wanted):
    return holds, f": {measured} ({wanted})", f": {measured}, not {wanted}"


def _equal(value, target, unit):
    found, wanted = np.asarray(value), np.asarray(target)
    if isinstance(value, str) or isinstance(target, str):
        holds = value == target
    else:
        holds = found.shape == wanted.shape and _all(found == wanted)
    if wanted.ndim == 0 or (wanted.size <= 12 and wanted.dtype.kind != "f"):
        text = f" = {_with_unit(_short(_scaled(target, unit)), unit)}"
    else:
        text = f": equal in all {wanted.size:,} elements"
    return holds, text, f"{text}, but measured {_described(value, unit)}"


def _shaped(value, shape):
    found = tuple(getattr(value, "shape", np.shape(value)))
    return found == shape, f": shape {shape}", f": shape {found}, not {shape}"


def _all(condition):
    condition = np.asarray(condition)
    return condition.size > 0 and bool(condition.all())


# Numbers as text


def _scaled(number, unit):
    return np.multiply(number, PER_WHOLE[unit]).item() if unit in PER_WHOLE else number


def _with_unit(text, unit):
    return f"{text} {unit}".strip()


def _bound(text, unit):
    return _with_unit(text, unit.removesuffix("s") if text == "1" else unit)


def _read(text):
    return Decimal(text.replace(",", ""))


def _rounded(number, agrees, bounds):
    """A number in three digits, in four where a bound has as many decimals, or in more."""
    if not math.isfinite(number):
        return str(number)
    if number == int(number):
        return f"{int(number):,}"
    decimals = max(len(bound.partition(".")[2]) for bound in bounds)
    for digits in range(3, 18):
        power = math.floor(math.log10(abs(number)))
        places = max(digits - 1 - power, 0)
        text = f"{number:,.{places}f}" if power > -5 else f"{number:.{digits - 1}e}"
        if (digits > 3 or not decimals or places > decimals) and agrees(_read(text)):
            break
    return text


def _described(value, unit):
    """A value that meets no condition, in words."""
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "iuf":
        return _with_unit(_short(_scaled(array.item(), unit)), unit)
    if array.ndim == 0 or array.size <= 10 or array.dtype.kind not in "iufb":
        return _short(value)
    if np.isnan(array).any():
        return f"NaN in {int(np.isnan(array).sum())} of {array.size} elements"
    return f"an array of shape {array.shape}"


def _short(value):
    """A value as a reader would write it: 0.982, 101,770, [1 2 3]."""
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iuf":
        return np.array2string(array, precision=4, separator=", ", threshold=12)
    number = array.item()
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:.6g}"

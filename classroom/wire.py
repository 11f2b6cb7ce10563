"""The closed format in which values cross between a student's kernel and the tests.

None, booleans, numbers, strings, lists, tuples, dicts and NumPy arrays of plain dtypes, as JSON;
any other object stays where it is, and a number stands for it. Reading a text makes plain values
and nothing else: it runs no code of the sender's. Both sides use this file.
"""

import base64
import itertools
import json
import math
from collections.abc import Iterator, KeysView, Mapping, Sequence, ValuesView

import numpy as np

SIZE = 4_000_000  # characters in a text; an array takes four for three bytes
ITEMS = 100_000  # in all lists, tuples and dicts of a text
DEPTH = 20
DTYPES = {np.dtype(kind).str for kind in "?bBhHiIlLqQefdFD"}


class NotPlain(Exception):
    """A value that cannot cross, or a text that is not in the format; the message says why."""


class Codec:
    """Writes one value, or several, and reads them.

    Attributes:
        arrays: The arrays that were written or read, in the order in which they occurred: the
            same on both sides, so that each can say which of them it has changed.

    Args:
        keep: Takes an object that has no plain form, gives the number under which it is kept and
            a name, that of its type, or raises NotPlain.
        find: Takes such a number and name, gives what stands for them.
    """

    def __init__(self, keep, find):
        self.keep, self.find = keep, find
        self.arrays, self.items = [], 0

    def write(self, value, depth=0):
        """A value's form in JSON.

        Raises:
            NotPlain: It is too large, too deep, or of a kind that cannot cross.
        """
        self._count(depth)
        if value is None or type(value) in (bool, str):
            return value
        if hasattr(type(value), "__array__"):
            return self._write_array(value)
        for kind in (bool, int, float, str):
            if isinstance(value, kind):
                return kind(value)
        if isinstance(value, complex):
            return self._write_array(np.complex128(value))
        if hasattr(type(value), "__float__"):  # a fraction, a decimal number
            return float(value)
        if isinstance(value, Mapping):
            pairs = [[self.write(k, depth + 1), self.write(value[k], depth + 1)] for k in value]
            return {"dict": pairs}
        if isinstance(value, tuple):
            return {"tuple": [self.write(one, depth + 1) for one in value]}
        if isinstance(value, Sequence | Iterator | KeysView | ValuesView):
            some = itertools.islice(value, ITEMS + 1)
            return [self.write(one, depth + 1) for one in some]
        return {"object": self.keep(value)}

    def _write_array(self, value):
        array = np.asarray(value)
        if array.dtype.name == "bfloat16":
            array = array.astype("float32")
        if array.dtype.kind in "OU":
            return self.write(array.tolist())
        dtype = np.dtype(array.dtype.newbyteorder("<"))
        if dtype.str not in DTYPES:
            raise NotPlain(f"an array of dtype {array.dtype} cannot be graded")
        if array.nbytes > SIZE * 3 // 4:
            raise NotPlain(f"an array of {array.nbytes / 1e6:.0f} MB is too large to be graded")
        if not isinstance(value, np.generic):
            self.arrays.append(value)
        data = base64.b64encode(array.astype(dtype, copy=False).tobytes()).decode()
        kind = "scalar" if isinstance(value, np.generic) else "array"
        return {kind: [dtype.str, list(array.shape), data]}

    def read(self, form, depth=0):
        """The value of which this is the form.

        Raises:
            NotPlain: This is no such form.
        """
        self._count(depth)
        if form is None or isinstance(form, bool | int | float | str):
            return form
        if isinstance(form, list):
            return [self.read(one, depth + 1) for one in form]
        try:
            ((kind, content),) = form.items()
            if kind == "tuple":
                return tuple(self.read(one, depth + 1) for one in content)
            if kind == "dict":
                read = [(self.read(k, depth + 1), self.read(v, depth + 1)) for k, v in content]
                return dict(read)
            if kind in ("array", "scalar"):
                return self._read_array(kind, *content)
            if kind == "object":
                number, name = content
                return self.find(int(number), str(name)[:80])
        except (AttributeError, TypeError, ValueError, OverflowError):
            pass
        raise NotPlain("this is not a value in the format of the grading")

    def _read_array(self, kind, dtype, shape, data):
        if dtype not in DTYPES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise NotPlain("an array of another dtype or shape than those that can be graded")
        content = base64.b64decode(data, validate=True)
        if len(shape) > 32 or len(content) != math.prod(shape) * np.dtype(dtype).itemsize:
            raise NotPlain("an array whose size is not that of its shape")
        array = np.frombuffer(content, dtype).reshape(shape).copy()
        if kind == "scalar":
            return array[()]
        self.arrays.append(array)
        return array

    def _count(self, depth):
        self.items += 1
        if self.items > ITEMS:
            raise NotPlain(f"more than {ITEMS} values are too many to be graded")
        if depth > DEPTH:
            raise NotPlain(f"lists within lists, more than {DEPTH} deep, cannot be graded")


def to_text(form) -> str:
    """JSON as one line of ASCII."""
    try:
        text = json.dumps(form)
    except (ValueError, RecursionError) as error:
        raise NotPlain(f"this cannot be graded: {error}") from None
    if len(text) > SIZE:
        raise NotPlain(f"more than {SIZE / 1e6:g} MB are too much to be graded")
    return text


def from_text(text):
    """What `to_text` made a text of.

    Raises:
        NotPlain: This is no such text.
    """
    try:
        if len(text) <= SIZE:
            return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        pass
    raise NotPlain("this is not a text in the format of the grading, or it is too long")

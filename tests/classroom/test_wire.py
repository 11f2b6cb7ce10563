"""The closed format: what crosses arrives as plain values, and nothing else arrives."""

import collections
import fractions
import json

import numpy as np
import pytest

pytest.importorskip("nbgrader")
from classroom import wire


def refuse(thing):
    raise wire.NotPlain(f"a {type(thing).__name__}")


def crossed(value, keep=refuse, find=None):
    """What arrives of a value on the other side."""
    form = wire.Codec(keep, find).write(value)
    return wire.Codec(keep, find).read(wire.from_text(wire.to_text(form)))


@pytest.mark.parametrize(
    "value",
    [None, True, 7, -(10**30), 2.5, "ö \ud83d", [], [1, [2, []]], (1, (2,)), {"a": {1: ()}}],
)  # fmt: skip
def test_plain_values_arrive_as_they_are(value):
    arrived = crossed(value)
    assert arrived == value and type(arrived) is type(value)


@pytest.mark.parametrize("dtype", sorted(wire.DTYPES))
@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (2, 3, 4)])
def test_arrays_of_plain_dtypes_arrive_as_they_are(dtype, shape):
    array = np.asarray(10 * np.random.default_rng(1).normal(size=shape)).astype(dtype)
    for given in (
        array,
        np.array(array, order="F"),
        array.astype(np.dtype(dtype).newbyteorder(">")),
    ):
        arrived = crossed(given)
        assert type(arrived) is np.ndarray and arrived.dtype == np.dtype(dtype)
        assert arrived.shape == shape and (arrived == array).all()
        arrived += arrived  # it can be written to


def test_numbers_of_numpy_stay_such():
    assert type(crossed(np.float32(0.1))) is np.float32 and crossed(np.float32(0.1)) == np.float32(
        0.1
    )
    assert np.isnan(crossed(float("nan"))) and crossed(float("inf")) == float("inf")


class Lies(float):
    __eq__ = __gt__ = __lt__ = lambda self, other: True
    __hash__ = None


class Array(np.ndarray):
    def __eq__(self, other):
        return True


class Lazy:
    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)


def test_what_converts_arrives_as_the_plain_value():
    assert type(crossed(Lies(7))) is float and crossed(Lies(7)) != 8
    assert type(crossed(np.zeros(2).view(Array))) is np.ndarray
    assert crossed(Lazy()).tolist() == [0, 1, 2]
    assert crossed(fractions.Fraction(1, 2)) == 0.5
    assert crossed(2**n for n in range(3)) == [1, 2, 4]
    assert crossed(range(3)) == crossed(iter((0, 1, 2))) == [0, 1, 2]
    assert crossed(collections.OrderedDict(a=1)) == {"a": 1}
    assert crossed(collections.namedtuple("P", "x y")(1, 2)) == (1, 2)
    assert crossed(np.array([[1, None], ["a", 2.5]], object)) == [[1, None], ["a", 2.5]]
    assert crossed(np.array(["a", "bc"])) == ["a", "bc"] and crossed(np.str_("a")) == "a"
    assert crossed(1 + 2j) == 1 + 2j


def test_other_objects_stay_and_a_number_crosses():
    kept = []
    keep = lambda thing: kept.append(thing) or [len(kept) - 1, type(thing).__name__]  # noqa: E731
    arrived = crossed([object(), print, 3], keep, lambda number, name: (number, name))
    assert arrived == [(0, "object"), (1, "builtin_function_or_method"), 3]
    with pytest.raises(wire.NotPlain, match="a function"):
        crossed(lambda: 3)


DEEP = [1]
for _ in range(wire.DEPTH):
    DEEP = [DEEP]
ENDLESS = []
ENDLESS.append(ENDLESS)


REFUSED = {
    "a large array": np.zeros(wire.SIZE),
    "a long list": [0] * (wire.ITEMS + 1),
    "a deep list": DEEP,
    "a list in itself": ENDLESS,
    "a number of 5000 digits": 10**5000,
    "a long text": "x" * (wire.SIZE + 1),
    "a table": np.zeros(1, [("a", int)]),
    "a date": np.array(["2026"], "datetime64[Y]"),
    "an iterator without end": iter(int, 1),
}


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_too_large_or_strange_is_refused(value):
    with pytest.raises(wire.NotPlain):
        crossed(REFUSED[value])


LARGE = json.dumps("x" * wire.SIZE)
NONE = "AAAAAAAAAAA="  # eight bytes
FORMS = [
    {},
    {"array": 1},
    {"array": ["<f8", [1], NONE], "tuple": []},
    {"pickle": "gASVBAAAAAAAAAB9lC4="},
    {"array": ["O", [1], NONE]},
    {"array": ["V8", [1], NONE]},
    {"array": [["<f8"], [1], NONE]},
    *[{"array": ["<f8", shape, NONE]} for shape in ([2], [-1], [1.0], [True], [1] * 70, {"a": 1})],
    {"array": ["<f8", [10**30], ""]},
    {"array": ["<f8", [1], "?"]},
    {"array": ["<f8", [1], 8]},
    {"scalar": ["<f8", [2], NONE]},
    {"dict": [[[1], 2]]},
    {"dict": [1]},
    {"dict": [[1, 2, 3]]},
    {"tuple": 3},
    {"object": []},
    {"object": [None, "x"]},
    {"object": ["1e999", "x"]},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_text_that_is_not_in_the_format_is_refused(form):
    with pytest.raises(wire.NotPlain):
        wire.Codec(refuse, refuse).read(form)


TEXTS = ["", "{", "[" * 10**6, LARGE, None, b"\xff", "nul", "1" * 5000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_that_is_not_json_or_too_long_is_refused(text):
    with pytest.raises(wire.NotPlain):
        wire.from_text(text)

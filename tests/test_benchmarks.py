"""What is stored is what is planned, of today's code; benchmarks measure what is not, alone."""

import json
import re
import shutil
import types

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import runs, tiny_shakespeare
from utils import ROOT, digests, recipes, results
from utils.results import Results


@pytest.mark.parametrize("name", runs.BENCHMARKS)
def test_the_plan_is_what_is_stored_and_measured_with_today_s_code(name):
    assert runs.status(name) == []


@pytest.mark.parametrize("name", runs.BENCHMARKS)
def test_results_tell_when_where_and_of_what_they_were_measured(name):
    header, stored = runs.read(name)
    assert set(runs.load(name).PLAN) == set(runs.load(name).RECIPES)
    for entry in header:
        assert set(entry) >= {"date", "processor", "cores", "keras", "tensorflow", "numpy"}
    for run in (run for seeds in stored.values() for run in seeds.values()):
        assert re.fullmatch("[0-9a-f]{12}", run["of"]) and header[run["header"]]


# The digests


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of all that a digest is made of, which a test may change: `change(file, old, new)`."""
    for folder in ("notebooks", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("results"))
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "checksums.sha256", tmp_path / "data")
    for module in (digests, recipes):
        monkeypatch.setattr(module, "ROOT", tmp_path)

    def forget():
        for cached in vars(digests).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()

    def change(file, old, new):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
        forget()

    forget()
    yield change
    forget()


def changed(benchmark, before):
    return {r for r, digest in before.items() if digests.digest(benchmark, r) != digest}


CNN, MNIST, FORECASTER = "notebooks/02_mnist_cnn.ipynb", "benchmarks/mnist.py", "bike_sharing"


@pytest.mark.parametrize(
    ("benchmark", "file", "old", "new", "stale"),
    [
        ("mnist", CNN, "Conv2D(filters, 3, padding", "Conv2D(filters, 5, padding", 5),
        ("mnist", CNN, "EPOCHS = 4", "EPOCHS = 5", 5),
        ("mnist", MNIST, 'model, "adam", images', 'model, "sgd", images', 1),
        ("mnist", MNIST, "train[:54000]", "train[:5400]", 7),
        ("mnist", MNIST, "cnn(augmented=True)", "cnn(augmented=True, scheduled=False)", 1),
        ("mnist", "data/checksums.sha256", "a3fe366e2c8c", "b3fe366e2c8c", 7),
        ("dcgan", CNN, "Conv2D(filters, 3, padding", "Conv2D(filters, 5, padding", 4),
        ("dcgan", "data/checksums.sha256", "c370027846c5", "d370027846c5", 4),
        ("bert", "benchmarks/movie_sentences.py", "(1, 4, 16)", "(1, 4, 8)", 1),
        # What has no part in the figures:
        ("mnist", MNIST, "# a comment", "# another", 0),
        ("mnist", MNIST, '"""Train one recipe: its', '"""Trains a recipe: its', 0),
        ("mnist", MNIST, "def measure(name, seed):", "def measure(name,\n            seed):", 0),
        ("mnist", CNN, "# (576,)", "# (24 * 24,)", 0),
        ("mnist", "data/checksums.sha256", "d69303ab2196", "e69303ab2196", 0),
        ("dcgan", "notebooks/04_dcgan.ipynb", "BATCH = 2720, 32", "BATCH = 1680, 32", 0),
        ("dcgan", "notebooks/04_dcgan.ipynb", "BATCH = 2720, 32", "BATCH = 2720, 64", 2),
    ],
)  # fmt: skip
def test_what_makes_results_stale(course, benchmark, file, old, new, stale):
    course(MNIST, "DATA = ", "# a comment\nDATA = ")
    before = {recipe: digests.digest(benchmark, recipe) for recipe in runs.load(benchmark).RECIPES}
    course(file, old, new)
    assert len(changed(benchmark, before)) == stale


def test_a_new_recipe_leaves_the_others_as_they_are(course):
    before = {recipe: digests.digest("mnist", recipe) for recipe in runs.load("mnist").RECIPES}
    course(MNIST, '    "MLP of notebook 01": mlp,', '    "MLP of notebook 01": mlp,\n    "x": mlp,')
    assert changed("mnist", before) == set()


# Measuring


@pytest.mark.parametrize(
    ("new", "old", "tolerance", "same"),
    [
        ({"loss": 1.5, "weights": 7}, {"loss": 1.5, "weights": 7}, 0, True),
        ({"loss": 1.5001, "weights": 7}, {"loss": 1.5, "weights": 7}, 0, False),
        ({"loss": 1.51, "weights": 7}, {"loss": 1.5, "weights": 7}, 0.01, True),
        ({"loss": 1.52, "weights": 7}, {"loss": 1.5, "weights": 7}, 0.01, False),
        ({"loss": 1.5, "weights": 1001}, {"loss": 1.5, "weights": 1000}, 0.01, False),
        ({"loss": 1.5}, {"loss": 1.5, "weights": 7}, 1, False),
    ],
)
def test_alike_are_figures_that_are_equal_or_near(new, old, tolerance, same):
    assert runs.alike(new, old, tolerance) == same


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A benchmark of two recipes that takes no time, and the file of its results."""

    def measure(recipe, seed):
        return {"value": 2 * seed, "seconds": seed}

    plan = {"a": [1, 2], "b": [2]}
    module = types.SimpleNamespace(RECIPES={"a": 1, "b": 2}, PLAN=plan, measure=measure)
    monkeypatch.setattr(runs, "load", lambda name: module)
    monkeypatch.setattr(runs, "digest", lambda name, recipe: f"of {recipe}")
    monkeypatch.setattr(runs, "measured", lambda name, recipe, seed: measure(recipe, seed))
    monkeypatch.setattr(runs, "RESULTS", tmp_path)
    return tmp_path / "toy.json"


def stored(toy, **recipes):
    text = json.dumps({"header": [{"date": "then"}], "runs": recipes})
    toy.write_text(text, encoding="utf-8")


def run(of, value=4):
    return {"value": value, "seconds": 9, "of": of, "header": 0}


def test_measures_what_is_missing_or_stale_and_keeps_the_rest(toy):
    stored(toy, b={"2": run("of b", 99)}, a={"1": run("of a", 98), "2": run("of an older a", 97)})
    assert runs.status("toy") == [("a", 2, "stale")]
    runs.measure_missing("toy")
    header, measured = runs.read("toy")
    assert [entry["date"] for entry in header] == ["then", runs.here()["date"]]
    assert list(measured) == ["a", "b"]  # the recipes' order, not that of measuring
    assert measured["a"]["2"] == {"value": 4, "seconds": 2, "of": "of a", "header": 1}
    assert (measured["a"]["1"]["value"], measured["b"]["2"]["value"]) == (98, 99)
    assert runs.status("toy") == []


def test_status_names_what_is_missing_and_what_nobody_planned(toy, monkeypatch, capsys):
    monkeypatch.setattr(runs, "BENCHMARKS", ("toy",))
    stored(toy, a={"1": run("of a"), "7": run("of a")}, b={"2": run("of b")})
    assert program.main(["status"]) == 1
    said = capsys.readouterr().out
    assert re.search("missing +toy: a, seed 2\n", said)
    assert re.search("not planned +toy: a, seed 7\n", said)


def test_adopting_wants_the_figures_alike_and_not_the_times(toy):
    stored(toy, a={"1": run("older", 2), "2": run("older", 99)})
    runs.adopt("toy", "a")
    _, measured = runs.read("toy")
    assert {one["of"] for one in measured["a"].values()} == {"of a"}
    assert all("seed 1 measured again" in one["adopted"] for one in measured["a"].values())
    assert measured["a"]["2"]["value"] == 99 and measured["a"]["1"]["seconds"] == 9


def test_what_comes_out_different_is_not_adopted(toy):
    stored(toy, a={"1": run("older", 3)})
    before = toy.read_text()
    with pytest.raises(ValueError, match="seed 1 gives .*2.*, and stored is .*3"):
        runs.adopt("toy", "a")
    assert toy.read_text() == before
    runs.adopt("toy", "a", because="code compared")
    assert runs.read("toy")[1]["a"]["1"]["adopted"] == "code compared"


# Reading


def test_what_is_missing_is_one_sentence(monkeypatch, tmp_path):
    mnist = Results("mnist")
    for ask, what in [
        (lambda: mnist["no such"], "lacks 'no such'"),
        (lambda: mnist.values("classic", "colour"), "lacks 'colour' of 'classic' under seed 1"),
        (lambda: mnist.values("classic", "accuracy", ["77"]), "under seed 77"),
        (lambda: Results("nothing"), "nothing.json in benchmarks/results/ lacks results"),
    ]:
        with pytest.raises(LookupError, match=f"{what}.*: `make benchmark` measures it.$"):
            ask()


def test_what_is_stale_is_said_and_shown(monkeypatch, capsys):
    monkeypatch.setattr(digests, "digest", lambda name, recipe: "another")
    monkeypatch.setattr(results, "RESULTS", ROOT / "benchmarks" / "results")
    assert "99.14 %" in Results("mnist").table({"accuracy": ".2%"})
    assert "Changed since measured" in capsys.readouterr().out


def test_a_table_has_the_middle_and_the_range(monkeypatch):
    toy = Results("mnist")
    dict.clear(toy)
    toy |= {"a": {"1": {"x": 0.1}, "2": {"x": 0.3}, "3": {"x": 0.2}}, "bc": {"1": {"x": 0.5}}}
    lines = [
        "recipe  seeds  x, median (range)",
        "a       3      20 % (10 to 30)",
        "bee     1      50 %",
    ]
    assert toy.table({"x": ".0%"}, {"a": "a", "bc": "bee"}) == "\n".join(lines)


# Counting


def grams(text, n, base):
    runs = np.lib.stride_tricks.sliding_window_view(np.asarray(text, "int64"), n)
    return runs @ base ** np.arange(n)


@pytest.mark.parametrize("longest", [1, 2, 3, 5])
def test_kneser_ney_s_probabilities_add_up_to_one(longest):
    train = np.random.default_rng(0).choice(6, 500, p=[0.4, 0.3, 0.1, 0.1, 0.06, 0.04])
    for start in ([5, 5, 5, 5], [0, 0, 1, 0], [1, 0, 2, 1, 0]):
        texts = [[0, *start, last] for last in range(6)]
        found = [tiny_shakespeare.kneser_ney(grams, train, text, longest, 6) for text in texts]
        assert sum(p[longest][-1] for p in found) == pytest.approx(1)


def test_kneser_ney_by_hand():
    """In mississippi i follows m, s and p: three of the seven different pairs of letters."""
    train = np.array(["imps".index(letter) for letter in "mississippi"])
    found = tiny_shakespeare.kneser_ney(grams, train, np.array([3, 0]), 2, 4)  # s, i
    i = (3 - 0.5 + 3 * 0.5 / 4) / 7  # i, s and p give up 0.5, for any of four; m follows none
    assert found[2] == pytest.approx((2 - 0.5 + 2 * 0.5 * i) / 4)  # ss twice, si twice

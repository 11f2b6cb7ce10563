"""Benchmarks go on where they stopped, and measure nothing twice."""

import json

import numpy as np
import pytest

from benchmarks import (
    bert,
    bike_sharing,
    dcgan,
    mnist,
    movie_sentences,
    runs,
    tiny_shakespeare,
)


def double(name, part, seed):
    return {"value": 2 * seed}


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path)
    return tmp_path / "toy.json"


def test_measures_what_is_missing_and_keeps_the_rest(results):
    results.write_text(json.dumps({"b": {"1": {"3": "kept"}}}))
    runs.measure_missing("toy", ["a", "b"], [("b", "1", 3), ("a", "1", 3)], double)
    measured = json.loads(results.read_text())
    assert measured == {"a": {"1": {"3": {"value": 6}}}, "b": {"1": {"3": "kept"}}}
    assert list(measured) == ["a", "b"]  # the recipes' order, not that of measuring


def test_what_chance_plays_no_part_in_is_measured_once(results):
    results.write_text(json.dumps({"a": {"1": {"3": "kept"}}}))
    runs.measure_missing("toy", ["a"], [("a", "1", 4)], double, exact=["a"])
    assert json.loads(results.read_text()) == {"a": {"1": {"3": "kept"}}}


@pytest.mark.parametrize(
    "benchmark", [bert, bike_sharing, dcgan, mnist, movie_sentences, tiny_shakespeare]
)
def test_results_are_those_of_the_recipes(benchmark):
    name = benchmark.__name__.rpartition(".")[2]
    measured = json.loads((runs.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert set(measured) <= set(benchmark.RECIPES)


def test_results_of_whole_reviews_are_those_of_their_recipes():
    measured = json.loads((runs.RESULTS / "imdb_reviews.json").read_text(encoding="utf-8"))
    assert set(measured) <= set(movie_sentences.REVIEWS)


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

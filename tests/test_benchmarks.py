"""Benchmarks go on where they stopped, and measure nothing twice."""

import json

import pytest

from benchmarks import bert, bike_sharing, dcgan, mnist, movie_sentences, runs


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


@pytest.mark.parametrize("benchmark", [bert, bike_sharing, dcgan, mnist, movie_sentences])
def test_results_are_those_of_the_recipes(benchmark):
    name = benchmark.__name__.rpartition(".")[2]
    measured = json.loads((runs.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert set(measured) <= set(benchmark.RECIPES)


def test_results_of_whole_reviews_are_those_of_their_recipes():
    measured = json.loads((runs.RESULTS / "imdb_reviews.json").read_text(encoding="utf-8"))
    assert set(measured) <= set(movie_sentences.REVIEWS)

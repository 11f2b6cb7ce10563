"""Whole reviews (Maas and others 2011): notebook 05 with one line changed, beside a linear model.

TFDS downloads the 50,000 reviews of `imdb_reviews`, and compares them with checksums of its own.
The linear model counts pairs of words too. Figures are those of benchmarks/movie_sentences.py.
"""

import functools

import numpy as np

from benchmarks import movie_sentences

DATA = ()

RECIPES = {
    "sum of word weights": functools.partial(movie_sentences.linear, longest=2),
    "ours": movie_sentences.transformer("imdb_reviews"),
    "ours, without the block": movie_sentences.transformer("imdb_reviews", blocks=0),
}
PLAN = {"sum of word weights": [2], "ours": [1, 2, 3], "ours, without the block": [2, 3]}


def split(part):
    """The reviews of a split as notebook 05 reads sentences: {"sentence": …, "label": …}."""
    import tensorflow_datasets as tfds

    data = tfds.as_numpy(tfds.load("imdb_reviews:1.0.0", split=part, batch_size=-1))
    texts = [text.decode().replace("<br />", " ") for text in data["text"]]
    return {"sentence": np.array(texts, dtype=object), "label": data["label"]}


def measure(name, seed):
    """Train one recipe on nine tenths of the training reviews: its accuracy and cost."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    splits = [split(part) for part in ("train[:90%]", "train[90%:]", "test")]
    return movie_sentences.measure_on(splits, RECIPES[name], seed)

"""Movie sentences: the recipe of notebook 05 beside keras.io's block and linear models.

python -m benchmarks.movie_sentences                all recipes under their seeds
python -m benchmarks.movie_sentences --seeds 1 2    other seeds
python -m benchmarks.movie_sentences --dataset imdb_reviews --seeds 1 2 3
                        whole reviews, which TFDS downloads; the notebook with one line changed

Each training takes place in a process of its own. Recipes alternate within a seed. "seconds" are
those of the clock; "core_seconds" add up what the cores worked, and suffer less from company.
Both count training alone, not the reading of the data.
"""

import functools
import time

import numpy as np

from benchmarks import runs


def linear(train, validation, seed, longest=1):
    """TF-IDF of the words and logistic regression, its one setting chosen on validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def fitted(C):
        vectorizer = TfidfVectorizer(ngram_range=(1, longest))
        model = make_pipeline(vectorizer, LogisticRegression(C=C, max_iter=1000))
        return model.fit(train["sentence"], train["label"])

    tried = [fitted(C) for C in (1, 4, 16)]
    best = max(tried, key=lambda m: m.score(validation["sentence"], validation["label"]))
    return lambda texts: best.decision_function(texts), best[1].coef_.size


def linear_aided(train, validation, seed):
    """The linear model with what helps ours: beginnings of words, and ratings as targets."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    from scripts.recipes import load_recipe

    recipe = load_recipe("05_transformer_text_classifier")

    def analyzer(text):
        tokens = recipe["beginnings"](recipe["words"](text))
        return [piece for token in tokens for piece in token if piece]

    def fitted(alpha):
        model = make_pipeline(TfidfVectorizer(analyzer=analyzer), Ridge(alpha))
        return model.fit(train["sentence"], train["rating"])

    def score(model):
        return np.mean((model.predict(validation["sentence"]) > 0) == validation["label"])

    best = max((fitted(alpha) for alpha in (0.5, 1, 2, 4)), key=score)
    return lambda texts: best.predict(texts), best[1].coef_.size


def keras_io(train, validation, seed):
    """The model of https://keras.io/examples/nlp/text_classification_with_transformer (2020).

    Embedding of width 32, one block with two heads and 32 hidden units, dropout 0.1, mean of all
    tokens, a hidden layer of 20, softmax of two, Adam at its default rate, batches of 32, here
    with the best epoch of five on validation.
    """
    import keras
    from keras import layers, ops

    vectorizer = layers.TextVectorization(20_000, output_sequence_length=48)
    vectorizer.adapt(train["sentence"].astype(str))

    tokens = keras.Input((48,), dtype="int32")
    x = layers.Embedding(20_000, 32)(tokens) + layers.Embedding(48, 32)(ops.arange(48))
    y = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 32)(x, x))
    x = layers.LayerNormalization(epsilon=1e-6)(x + y)
    y = layers.Dropout(0.1)(layers.Dense(32)(layers.Dense(32, activation="relu")(x)))
    x = layers.LayerNormalization(epsilon=1e-6)(x + y)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(tokens, layers.Dense(2, activation="softmax")(x))

    def encode(texts):
        return np.array(vectorizer(texts.astype(str)))

    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    model.fit(
        encode(train["sentence"]),
        train["label"],
        batch_size=32,
        epochs=5,
        validation_data=(encode(validation["sentence"]), validation["label"]),
        callbacks=[best],
        verbose=0,
    )

    def margin(texts):
        probabilities = model.predict(encode(texts), batch_size=500, verbose=0)
        return probabilities[:, 1] - 0.5

    return margin, model.count_params()


def transformer(dataset="movie_sentences", beginnings=True, ratings=True, **changes):
    """Notebook 05's network and training, with some of its steps left out."""

    def train_one(train, validation, seed):
        import keras

        from scripts.recipes import load_recipe

        recipe = load_recipe("05_transformer_text_classifier")
        if not beginnings:
            recipe["BEGINNINGS"] = ()
        settings = recipe["SETTINGS"][dataset]
        pieces, length = settings["pieces"], settings["length"]
        vocabulary = recipe["make_vocabulary"](train["sentence"], settings["size"], pieces)

        def encode(split):
            return recipe["encode"](split["sentence"], vocabulary, length, pieces)

        def batches(split, size):
            known = split if ratings else {"label": split["label"]}
            return recipe["Batches"](encode(split), recipe["targets"](known), size, seed)

        data = batches(train, settings["batch"])
        network = settings["network"] | changes
        model = recipe["build_transformer"](len(vocabulary) + 2, length, **network)
        rate = recipe["schedule"](settings["epochs"] * len(data), settings["peak"])
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss)
        model.fit(
            data,
            epochs=settings["epochs"],
            shuffle=False,
            validation_data=batches(validation, 500),
            callbacks=[recipe["stopping"]()],
            verbose=0,
        )

        def logits(texts):
            return model.predict(encode({"sentence": texts}), batch_size=500, verbose=0)[:, 0]

        return logits, model.count_params()

    return train_one


RECIPES = {
    "sum of word weights": linear,
    "sum, with beginnings and ratings": linear_aided,
    "keras.io's block": keras_io,
    "ours": transformer(),
    "ours, without beginnings of words": transformer(beginnings=False),
    "ours, without ratings": transformer(ratings=False),
    "ours, without word dropout": transformer(word_dropout=0),
    "ours, no branch skipped": transformer(skip=0),
    "ours, with layer normalisation": transformer(normalise=True),
    "ours, without positions": transformer(positions=False),
    "ours, without the block": transformer(blocks=0),
}
#: Recipes for whole reviews, where the linear model counts pairs of words too.
REVIEWS = {
    "sum of word weights": functools.partial(linear, longest=2),
    "ours": transformer("imdb_reviews"),
    "ours, without the block": transformer("imdb_reviews", blocks=0),
}
#: Two recipes are trained on parts of the training split too.
GROWING = ("sum of word weights", "ours")
PARTS = ("1", "1/2", "1/4", "1/8")


def load(dataset):
    """The three splits as notebook 05 reads them: a list of {"sentence": …, "label": …}."""
    from utils import datasets

    if dataset == "movie_sentences":
        return [datasets.load(dataset, split) for split in ("train", "validation", "test")]
    import tensorflow_datasets as tfds

    def split(part):
        data = tfds.as_numpy(tfds.load(dataset, split=part, batch_size=-1))
        texts = [text.decode().replace("<br />", " ") for text in data["text"]]
        return {"sentence": np.array(texts, dtype=object), "label": data["label"]}

    return [split(part) for part in ("train[:90%]", "train[90%:]", "test")]


def measure(name, part, seed, dataset="movie_sentences"):
    """Train one recipe on a part of the training split: its test accuracy and cost."""
    from fractions import Fraction

    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras

    train, validation, test = load(dataset)
    few = int(Fraction(part) * len(train["label"]))
    train = {column: values[:few] for column, values in train.items()}
    keras.utils.set_random_seed(seed)
    start, start_cpu = time.perf_counter(), time.process_time()
    recipes = RECIPES if dataset == "movie_sentences" else REVIEWS
    score, weights = recipes[name](train, validation, seed)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu

    def accuracy(split):
        return round(float(np.mean((score(split["sentence"]) > 0) == split["label"])), 4)

    return {
        "accuracy": accuracy(test),
        "validation_accuracy": accuracy(validation),
        "seconds": round(seconds, 1),
        "core_seconds": round(cpu, 1),
        "weights": int(weights),
    }


def main():
    """Measure what is not yet in the results; what chance plays no part in, once."""
    parser = runs.parser(__doc__, RECIPES)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    datasets = ("movie_sentences", "imdb_reviews")
    parser.add_argument("--dataset", default=datasets[0], choices=datasets)
    options = parser.parse_args()
    exact = [name for name in RECIPES if name.startswith("sum")]
    if options.dataset == "imdb_reviews":
        names = [name for name in options.recipes if name in REVIEWS]
        jobs = [(name, "1", seed) for seed in options.seeds for name in names]
        one = functools.partial(measure, dataset=options.dataset)
        runs.measure_missing(options.dataset, REVIEWS, jobs, one, exact)
        return
    jobs = [
        (name, part, seed)
        for seed in options.seeds
        for name in options.recipes
        for part in options.parts
        if part == "1" or name in GROWING
    ]
    runs.measure_missing(options.dataset, RECIPES, jobs, measure, exact)


if __name__ == "__main__":
    main()

"""Movie sentences: the recipe of notebook 05 beside keras.io's block and linear models.

"seconds" are those of the clock; "core_seconds" add up what the cores worked, and suffer less from
company. Both count training alone, not the reading of the data.
"""

import functools
import time

import numpy as np

DATA = ("movie_sentences",)


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

    from utils.recipes import load_recipe

    recipe = load_recipe("05_transformer_text_classifier")

    def analyzer(text):
        tokens = recipe.beginnings(recipe.words(text))
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

        from utils.recipes import load_recipe

        recipe = load_recipe("05_transformer_text_classifier")
        settings = recipe.SETTINGS[dataset]
        pieces, length = settings["pieces"], settings["length"]
        if not beginnings:
            pieces = functools.partial(pieces, lengths=())
        vocabulary = recipe.make_vocabulary(train["sentence"], settings["size"], pieces)

        def encode(split):
            return recipe.encode(split["sentence"], vocabulary, length, pieces)

        def batches(split, size):
            known = split if ratings else {"label": split["label"]}
            return recipe.Batches(encode(split), recipe.targets(known), size, seed)

        data = batches(train, settings["batch"])
        network = settings["network"] | changes
        model = recipe.build_transformer(len(vocabulary) + 2, length, **network)
        rate = recipe.schedule(settings["epochs"] * len(data), settings["peak"])
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss)
        model.fit(
            data,
            epochs=settings["epochs"],
            shuffle=False,
            validation_data=batches(validation, 500),
            callbacks=[recipe.stopping()],
            verbose=0,
        )

        def logits(texts):
            return model.predict(encode({"sentence": texts}), batch_size=500, verbose=0)[:, 0]

        return logits, model.count_params()

    return train_one


def part(recipe, share):
    """A recipe that learns from the first sentences alone, one of every `share`."""

    def train_one(train, validation, seed):
        few = {column: values[: len(values) // share] for column, values in train.items()}
        return recipe(few, validation, seed)

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
    "sum of word weights, 1/2": part(linear, 2),
    "sum of word weights, 1/4": part(linear, 4),
    "sum of word weights, 1/8": part(linear, 8),
    "ours, 1/2": part(transformer(), 2),
    "ours, 1/4": part(transformer(), 4),
    "ours, 1/8": part(transformer(), 8),
}
#: What chance plays no part in is measured once, and what undoes a step of ours.
PLAN = {recipe: [1] for recipe in RECIPES} | {
    "keras.io's block": [1, 2],
    "ours": [1, 2, 3, 4, 5],
    "ours, without the block": [1, 2, 3, 4, 5],
}


def measure(name, seed):
    """Train one recipe: its accuracy on the sentences that it did not learn from, and its cost."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    from utils import datasets

    splits = [datasets.load("movie_sentences", s) for s in ("train", "validation", "test")]
    return measure_on(splits, RECIPES[name], seed)


def measure_on(splits, recipe, seed):
    """Train a recipe on the first of three splits: its accuracy on the others, and its cost."""
    import keras

    train, validation, test = splits
    keras.utils.set_random_seed(seed)
    start, start_cpu = time.perf_counter(), time.process_time()
    score, weights = recipe(train, validation, seed)
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

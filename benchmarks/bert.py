"""BERT: notebook 07's, pretrained and not, beside notebook 05's and a linear model, in ten folds.

python -m benchmarks.bert                  all recipes on all folds
python -m benchmarks.bert --seeds 0 1      two of the folds

The 10,566 movie sentences are dealt into ten folds. One is the test, the next is the validation
split, the rest is trained on; pretraining and the pieces too see nothing of the other two. The
fold's number is the seed as well. "core_seconds" add up what the cores worked in training.
"""

import hashlib
import time

import numpy as np

from benchmarks import movie_sentences, runs

FOLDS = 10
#: Passes over the text in pretraining; the first is the notebook's, others make the curve.
EPOCHS = {"BERT, pretrained": None, "BERT, from scratch": 0, "BERT, 2 passes": 2}
EPOCHS |= {"BERT, 30 passes": 30}


def bert(epochs):
    """Notebook 07's network and training, with as many passes of pretraining."""

    def train_one(train, validation, seed):
        from collections import Counter

        from scripts.recipes import load_recipe

        recipe = load_recipe("07_bert")
        count = Counter(word for text in train["sentence"] for word in recipe["words"](text))
        size = recipe["SIZE"]
        tokenizer = recipe["Tokenizer"](recipe["learn_pieces"](count, size, size // 40))

        def encode(texts):
            return recipe["encode"](tokenizer, texts, recipe["LENGTHS"][-1])[0]

        tokens = encode(train["sentence"])
        network = recipe["build_bert"](**recipe["NETWORK"])
        if epochs != 0:
            recipe["pretrain"](network, tokens, seed, **({"epochs": epochs} if epochs else {}))
        model = recipe["build_classifier"](network)
        recipe["fine_tune"](model, tokens, train["rating"], seed)
        return lambda texts: recipe["logits_of"](model, encode(texts)), model.count_params()

    return train_one


RECIPES = {
    "sum of word weights": movie_sentences.linear,
    "sum, with beginnings and ratings": movie_sentences.linear_aided,
    "notebook 05": movie_sentences.transformer(),
    **{name: bert(epochs) for name, epochs in EPOCHS.items()},
}
#: What makes the curve is measured on fewer folds.
CURVE, CURVE_FOLDS = ("BERT, 2 passes", "BERT, 30 passes"), 2


def deal(columns, test):
    """Train, validation and test of one fold."""
    marks = [hashlib.sha256(text.encode()).hexdigest() for text in columns["sentence"]]
    fold = np.empty(len(marks), int)
    fold[np.argsort(marks)] = np.arange(len(marks)) % FOLDS
    others = (fold != test) & (fold != (test + 1) % FOLDS)
    rows = others, fold == (test + 1) % FOLDS, fold == test
    return ({name: values[chosen] for name, values in columns.items()} for chosen in rows)


def measure(name, fold):
    """Train one recipe on one fold: its accuracy there and its cost."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras

    from utils import datasets

    parts = [datasets.load("movie_sentences", s) for s in ("train", "validation", "test")]
    columns = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
    train, validation, test = deal(columns, fold)
    keras.utils.set_random_seed(fold)
    start, start_cpu = time.perf_counter(), time.process_time()
    score, weights = RECIPES[name](train, validation, fold)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return {
        "accuracy": round(float(np.mean((score(test["sentence"]) > 0) == test["label"])), 4),
        "seconds": round(seconds, 1),
        "core_seconds": round(cpu, 1),
        "weights": int(weights),
    }


def paired(results, one, other):
    """Mean of one recipe's lead over another in points, and its 95 % interval over the folds."""
    from scipy.stats import t

    folds = sorted(results[one].keys() & results[other].keys())
    lead = [100 * (results[one][f]["accuracy"] - results[other][f]["accuracy"]) for f in folds]
    half = t.ppf(0.975, len(lead) - 1) * np.std(lead, ddof=1) / len(lead) ** 0.5
    return np.mean(lead), np.mean(lead) - half, np.mean(lead) + half


def main():
    """Measure what is not yet in the results."""
    options = runs.parser(__doc__, RECIPES, seeds=range(FOLDS)).parse_args()
    jobs = [
        (name, fold)
        for fold in options.seeds
        for name in options.recipes
        if name not in CURVE or fold < CURVE_FOLDS
    ]
    runs.measure_missing("bert", RECIPES, jobs, measure)


if __name__ == "__main__":
    main()

"""Write what benchmarks/results/ and the notebooks' checks say into README.md, between its markers.

python -m scripts.readme
"""

import ast
import json
import re
import sys

import numpy as np

from utils import ROOT
from utils.results import RESULTS, Results

README = ROOT / "README.md"
PLACE = re.compile(r"(<!-- results (?P<name>[^>]+) -->).*?(<!-- /results -->)", re.DOTALL)


def one(results, recipe, figure, form, of=np.median):
    """A figure over the seeds, without its range."""
    return format(of(results.values(recipe, figure)), form).replace("%", " %")


def between(results, recipe, figure, form=".0f"):
    """Lowest and highest of a figure, such as "37 to 41"."""
    values = results.values(recipe, figure)
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def markdown(head, rows):
    """A table, with an empty line before and after it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def claimed(notebook, claim, bound):
    """The bound of a notebook's check, as the notebook's code has it.

    Raises:
        LookupError: The notebook has no such check.
    """
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
            if getattr(node.args[0], "value", None) == claim:
                return {k.arg: ast.literal_eval(k.value) for k in node.keywords}[bound]
    raise LookupError(f"{notebook}.ipynb has no check of {claim!r}, which README.md quotes.")


def mnist():
    results = Results("mnist")
    seconds = {recipe: results.values(recipe, "seconds", ["1"])[0] for recipe in results}
    published, best = "keras.io, 15 epochs", "+ augmentation: ours"
    share = f"{seconds[best] / seconds[published]:.2f} ×"
    rows = [
        [
            recipe,
            one(results, recipe, "weights", ",.0f"),
            str(len(results[recipe])),
            results.summary(recipe, "accuracy"),
            {published: "1 ×", best: share}.get(recipe, ""),
        ]
        for recipe in results
    ]
    head = ["MNIST recipe", "weights", "seeds", "test accuracy, median", "training"]
    return {
        "mnist": markdown(head, rows),
        "01": results.summary("MLP of notebook 01", "accuracy"),
        "02": results.summary(best, "accuracy"),
        "caption": one(results, best, "accuracy", ".1%"),
        "mnist seconds": f"{seconds[best]:.0f} s for ours, {seconds[published]:.0f} s for "
        f"keras.io's recipe ({share})",
    }


#: README's name of a recipe, that for the next hour and that for the next 24.
FORECASTS = [
    ("same hour last week", "same hour last week", "same hour last week"),
    ("typical hour of the last four weeks", None, "typical hour"),
    ("linear regression, rentals only", "linear, rentals only", "linear, rentals only"),
    ("linear regression", "linear regression", "linear regression"),
    ("linear regression, calendars to come as well", None, "linear, with calendars"),
    ("linear regression, calendars and typical hours to come", None, "linear, hours to come"),
    ("boosted trees", "trees", None),
    (
        "boosted trees, relative counts (24 hours: and the counts a day and a week before)",
        "trees, relative",
        "trees",
    ),
    ("the exercise: LSTM(128), LSTM(128), 3 epochs", "LSTM(128), LSTM(128)", None),
    ("the exercise, 12 epochs", "LSTM(128), LSTM(128), 12 epochs", None),
    ("ours of notebook 03 (24 hours: mean of three networks)", "ours", "ours"),
]


def bike_sharing():
    results = Results("bike_sharing")

    def row(shown, *recipes):
        kinds = zip(("next hour", "24 hours"), recipes, strict=True)
        names = [recipe and f"{kind}: {recipe}" for kind, recipe in kinds]
        seeds = next(str(len(results[name])) for name in names if name)
        return [shown, seeds, *(results.summary(n, "mae", ".1f") if n else "" for n in names)]

    def mae(recipe, form=".0f"):
        return one(results, recipe, "mae", form)

    head = ["bicycle rentals", "seeds", "next hour, test MAE", "next 24 hours, test MAE"]
    return {
        "bike_sharing": markdown(head, [row(*forecast) for forecast in FORECASTS]),
        "03": f"off by {mae('next hour: ours', '.1f')} rentals in the next hour "
        f"(naive {mae('next hour: same hour last week')}, "
        f"linear {mae('next hour: linear regression')}; "
        f"boosted trees {mae('next hour: trees, relative', '.1f')}, a tie), "
        f"by {mae('24 hours: ours', '.1f')} in the next 24 "
        f"(naive {mae('24 hours: same hour last week')}, "
        f"linear {mae('24 hours: linear, hours to come')}, trees {mae('24 hours: trees')})",
    }


def dcgan():
    results = Results("dcgan")
    names = {"keras.io": "keras.io", "the exercise, plain": "the exercise, plain"}
    names["ours"] = "ours of notebook 04"
    rows = [
        [
            shown,
            str(len(results[recipe])),
            one(results, recipe, "steps", ",.0f"),
            results.summary(recipe, "distance", ".2f"),
        ]
        for recipe, shown in names.items()
    ]
    seconds = one(results, "ours", "seconds", ".0f")
    head = [f"DCGAN recipe, {seconds} s each", "seeds", "steps", "Fréchet distance, median"]
    ours, published = (one(results, r, "distance", ".2f") for r in ("ours", "keras.io"))
    return {
        "dcgan": markdown(head, rows),
        "04": f"{one(results, 'ours', 'confident', '.0%')} of the digits read with confidence "
        f"after {seconds} s; a Fréchet distance of {ours}, by keras.io's recipe in the same time "
        f"{published}",
    }


def movie_sentences():
    results, reviews = Results("movie_sentences"), Results("imdb_reviews")
    names = {
        "keras.io's block": "keras.io's block",
        "sum of word weights": "TF-IDF and logistic regression",
        "ours": "ours of notebook 05",
        "sum, with beginnings and ratings": "linear, with the beginnings of words and the ratings "
        "that ours has",
    }

    def mean(recipe, form=".1%", results=results):
        return one(results, recipe, "accuracy", form, np.mean)

    def summary(recipe, results=results):
        return results.summary(recipe, "accuracy", ".1%", np.mean)

    rows = [[shown, str(len(results[r])), summary(r)] for r, shown in names.items()]
    return {
        "movie_sentences": markdown(["movie sentences", "seeds", "test accuracy, mean"], rows),
        "05": f"mean {summary('ours')}; the sum of word weights {mean('sum of word weights')}, "
        f"and {mean('sum, with beginnings and ratings')} with the same aids; on IMDB's whole "
        f"reviews {mean('ours', results=reviews)}, level with it",
        "imdb_reviews": f"notebook 05 reaches {summary('ours', reviews)}, mean of "
        f"{len(reviews['ours'])} seeds, after {between(reviews, 'ours', 'seconds')} seconds of "
        "training. The sum of word weights, counting pairs of words, is level with "
        f"{mean('sum of word weights', '.2%', reviews)}, and so is ours without its block of "
        f"attention ({mean('ours, without the block', results=reviews)}, mean of "
        f"{len(reviews['ours, without the block'])} seeds)",
    }


def bert():
    results = Results("bert")

    def mean(recipe):
        return one(results, recipe, "accuracy", ".0%", np.mean)

    return {
        "07": f"praise from blame in ten folds {mean('BERT, pretrained')}, level with word weights "
        f"by TF-IDF ({mean('sum of word weights')}), behind notebook 05 ({mean('notebook 05')})"
    }


def tiny_shakespeare():
    results = Results("tiny_shakespeare")

    def best(recipe):
        return f"{min(results.values(recipe, str(n))[0] for n in range(9)):.2f}"

    def mean(recipe, figure="loss"):
        return one(results, recipe, figure, ".2f", np.mean)

    def row(shown, recipe):
        seconds = between(results, recipe, "seconds") + " s"
        if compiled := results.get(f"{recipe}, compiled"):
            taken = sorted(round(run["seconds"]) for run in compiled.values())
            seconds += f" ({taken[0]} to {taken[-1]} s compiled)"
        loss = results.summary(recipe, "loss", ".2f", np.mean)
        return [shown, str(len(results[recipe])), loss, seconds]

    rows = [
        ["counting, the best of nine lengths", "1", best("n-grams"), ""],
        ["counting by Kneser and Ney, the best of nine lengths", "1", best("Kneser-Ney"), ""],
        row("nanoGPT's recipe for a CPU", "nanoGPT"),
        row("ours of notebook 08, by Adam", "ours, by Adam"),
        row("ours of notebook 08", "ours"),
    ]
    head = ["Tiny Shakespeare, the last tenth", "seeds", "loss, nats a character", "training"]
    return {
        "tiny_shakespeare": markdown(head, rows),
        "08": f"loss about {mean('ours')} nats a character, where simple counting gets "
        f"{best('n-grams')} and good counting {best('Kneser-Ney')}",
        "nanogpt": f"ours is at {mean('ours', 'loss_nanogpt')} and its recipe at "
        f"{mean('nanoGPT', 'loss_nanogpt')}",
    }


def grading():
    runs = json.loads((RESULTS / "grading.json").read_text(encoding="utf-8"))["runs"]
    low, *_, high = sorted(run["ratio"] for run in runs.values())
    return {"grading": f"{low:.2f} to {high:.2f} times"}


def checks():
    claims = {
        "06": ("06_self_attention", "largest difference from Keras's layer"),
        "bert": ("07_bert", "largest difference from the reference"),
        "gpt": ("08_gpt", "ours and GPT-2"),
    }
    bounds = {name: claimed(*claim, "at_most") for name, claim in claims.items()}
    return {f"{name} equal": f"within {bound:f}".rstrip("0") for name, bound in bounds.items()}


PARTS = (mnist, bike_sharing, dcgan, movie_sentences, bert, tiny_shakespeare, grading, checks)


def stamped(text):
    """The README's text with what stands between its markers written anew.

    Raises:
        LookupError: A marker has no text, a text no marker, or a result is missing.
    """
    texts = {name: said for part in PARTS for name, said in part().items()}
    found = {place["name"] for place in PLACE.finditer(text)}
    if found != set(texts):
        raise LookupError(f"README.md and scripts/readme.py differ in: {found ^ set(texts)}.")
    return PLACE.sub(lambda place: place[1] + texts[place["name"]] + place[3], text)


def main():
    """Stamp README.md; 1 if a result is missing."""
    try:
        text = stamped(README.read_text(encoding="utf-8"))
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    README.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

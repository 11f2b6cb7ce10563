"""What benchmarks/results/ holds, for the tables of the notebooks and of the README."""

import json

import numpy as np

from utils import ROOT, digests

RESULTS = ROOT / "benchmarks" / "results"


class Results(dict):
    """One benchmark's published results: {recipe: {seed: {figure: value}}}.

    Where code or data have changed since a recipe was measured, a sentence says so; the figures
    stay those that were measured.

    Args:
        name: The file's name in benchmarks/results/, without ".json".

    Raises:
        LookupError: The file is missing, or a recipe, seed or figure that is asked for.
    """

    def __init__(self, name):
        self.file = RESULTS / f"{name}.json"
        if not self.file.is_file():
            raise LookupError(self._missing("results"))
        super().__init__(json.loads(self.file.read_text(encoding="utf-8"))["runs"])
        if changed := [recipe for recipe in self if stale(name, recipe, self[recipe])]:
            print(f"Changed since measured, to be run by `make benchmark`: {'; '.join(changed)}.")

    def __missing__(self, recipe):
        raise LookupError(self._missing(repr(recipe)))

    def _missing(self, what):
        return (
            f"{self.file.name} in benchmarks/results/ lacks {what}: `make benchmark` measures it."
        )

    def values(self, recipe, figure, seeds=None):
        """A figure under each of the seeds, by default all: (seeds,)."""
        runs = self[recipe]
        for seed in seeds or runs:
            if figure not in runs.get(seed, ()):
                raise LookupError(self._missing(f"{figure!r} of {recipe!r} under seed {seed}"))
        return np.array([runs[seed][figure] for seed in seeds or runs])

    def summary(self, recipe, figure, form=".2%", middle=np.median):
        """Such as "98.84 % (98.71 to 99.06)": the middle over the seeds, lowest and highest."""
        values = self.values(recipe, figure)
        text = format(middle(values), form).replace("%", " %")
        low, high = (format(value, form).rstrip("%") for value in (min(values), max(values)))
        return text if low == high else f"{text} ({low} to {high})"

    def table(self, columns, recipes=None, middle=np.median):
        """A text: a row for each recipe, with its number of seeds and its figures.

        Args:
            columns: {figure: format}, as `summary` takes them.
            recipes: Those to show, {name in the results: name in the table}; by default all.
        """
        recipes = recipes or {recipe: recipe for recipe in self}
        rows = []
        for recipe, shown in recipes.items():
            cells = [self.summary(recipe, *column, middle=middle) for column in columns.items()]
            rows.append([shown, str(len(self[recipe])), *cells])
        head = ["recipe", "seeds", *(figure.replace("_", " ") for figure in columns)]
        for number in range(2, len(head)):
            if any(" to " in row[number] for row in rows):
                head[number] += f", {middle.__name__} (range)"
        rows = [head, *rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join(lines)


def stale(name, recipe, runs):
    """Whether any of a recipe's runs was measured with other code or data than today's."""
    try:
        today = digests.digest(name, recipe)
    except LookupError:  # a recipe that the benchmark no longer has
        return True
    return any(run.get("of") != today for run in runs.values())

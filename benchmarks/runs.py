"""What the benchmarks share: one process for each training, and results that are kept as they come.

Results are written to benchmarks/results/ after each training; a run that is started again goes
on where it stopped. Delete a file there to measure everything in it anew.
"""

import argparse
import json
import multiprocessing
import os
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def parser(description, recipes, seeds=(1, 2, 3, 4, 5)):
    """A parser with the options that all benchmarks have: --seeds and --recipes."""
    options = argparse.ArgumentParser(description=description.splitlines()[0])
    options.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    options.add_argument("--recipes", nargs="+", default=list(recipes), choices=list(recipes))
    return options


def measure_missing(name, recipes, jobs, measure, exact=()):
    """Measure each job that is not yet in the results, in a process of its own.

    Args:
        name: The results' file in benchmarks/results/, without ".json". It is nested as the jobs
            are: {recipe: {...: {seed: run}}}.
        recipes: The names of all recipes, in the order in which they are stored.
        jobs: Tuples (recipe, ..., seed).
        measure: Called with a job's elements; returns what is stored. Must be picklable.
        exact: The recipes in which chance plays no part. Under one seed is enough for them.
    """
    path = RESULTS / f"{name}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for job in jobs:
        *keys, seed = map(str, job)
        runs = results
        for key in keys:
            runs = runs.setdefault(key, {})
        if seed in runs or (runs and job[0] in exact):
            continue
        with multiprocessing.get_context("spawn").Pool(1) as process:
            runs[seed] = process.apply(measure, job)
        results = {recipe: results[recipe] for recipe in recipes if recipe in results}
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(*keys, "seed", seed, runs[seed], flush=True)

"""What the benchmarks share: their plans, one process for each training, and stored results.

A benchmark is a module of this folder with RECIPES, {recipe: what `measure` makes of it}; PLAN,
{recipe: the seeds under which it is published}; DATA, what data/checksums.sha256 has of its data;
and `measure(recipe, seed)`, which returns a run, {figure: value}. benchmarks/results/ has a file
for each: {"header": [...], "runs": {recipe: {seed: run}}}. A run also tells its digest ("of":
utils/digests.py), the entry of the header that says when and where it was measured ("header"),
and whether it was measured before the code got this digest ("adopted": how it was compared).
"""

import datetime
import importlib
import importlib.metadata
import json
import multiprocessing
import os
import platform

from utils.digests import digest
from utils.results import RESULTS

BENCHMARKS = (
    "mnist",
    "bike_sharing",
    "dcgan",
    "movie_sentences",
    "imdb_reviews",
    "bert",
    "tiny_shakespeare",
)
PACKAGES = ("keras", "tensorflow", "numpy", "scikit-learn")

#: What is not a figure of a run, and the figures that depend on the machine's speed.
LABELS = {"of", "header", "adopted"}
TIMES = {"seconds", "core_seconds", "times_faster"}


def load(name):
    """A benchmark's module."""
    return importlib.import_module(f"benchmarks.{name}")


def read(name):
    """A benchmark's stored results: its header, and {recipe: {seed: run}}."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return [], {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored["header"], stored["runs"]


def write(name, header, runs):
    """Store results: recipes in the order of RECIPES, without entries that no run refers to."""
    used = sorted({run["header"] for seeds in runs.values() for run in seeds.values()})
    for seeds in runs.values():
        for run in seeds.values():
            run["header"] = used.index(run["header"])
    order = [recipe for recipe in load(name).RECIPES if recipe in runs]
    runs = {recipe: runs[recipe] for recipe in [*order, *(r for r in runs if r not in order)]}
    stored = {"header": [header[number] for number in used], "runs": runs}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def here(packages=PACKAGES):
    """An entry of the header: today, this machine and its libraries."""
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **versions,
    }


def processor():
    """The processor's name, as far as the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(": ")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def status(name):
    """[(recipe, seed, what is wrong)] of what is planned or stored, in the order of measuring.

    Recipes alternate within a seed, so that a machine that slows down slows all of them.
    """
    plan, (_, runs) = load(name).PLAN, read(name)
    jobs = sorted((seed, place) for place, seeds in enumerate(plan.values()) for seed in seeds)
    found = []
    for seed, place in jobs:
        recipe = list(plan)[place]
        run = runs.get(recipe, {}).get(str(seed))
        if run is None:
            found.append((recipe, seed, "missing"))
        elif run.get("of") != digest(name, recipe):
            found.append((recipe, seed, "stale"))
    stored = [(recipe, seed) for recipe, seeds in runs.items() for seed in seeds]
    planned = {(recipe, str(seed)) for recipe, seeds in plan.items() for seed in seeds}
    return found + [(*run, "not planned") for run in stored if run not in planned]


def measured(name, recipe, seed):
    """A new run of one recipe, in a process of its own."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(load(name).measure, (recipe, seed))


def measure_missing(name):
    """Measure what a benchmark plans and lacks, or has from other code; store each run."""
    for recipe, seed, fault in status(name):
        if fault == "not planned":
            continue
        of, run, (header, runs) = digest(name, recipe), measured(name, recipe, seed), read(name)
        if here() not in header:
            header.append(here())
        run |= {"of": of, "header": header.index(here())}
        runs.setdefault(recipe, {})[str(seed)] = run
        runs[recipe] = dict(sorted(runs[recipe].items(), key=lambda item: int(item[0])))
        write(name, header, runs)
        print(name, recipe, "seed", seed, run, flush=True)


def figures(run):
    """What must come out alike when a run is repeated: all but its times and labels."""
    return {name: value for name, value in run.items() if name not in LABELS | TIMES}


def alike(new, old, tolerance):
    """Whether figures are equal, numbers that are no whole ones up to a share of themselves."""
    same = [
        abs(new[name] - value) <= tolerance * abs(value)
        if isinstance(value, float)
        else new[name] == value
        for name, value in old.items()
        if name in new
    ]
    return set(new) == set(old) and all(same)


def adopt(name, recipe, seed=None, tolerance=0.0, because=None):
    """Give a recipe's stored runs today's digest, once one of them has come out alike.

    Args:
        seed: That under which it is measured again; by default the first that is stored.
        tolerance: The share by which figures may differ. One processor repeats its own figures to
            the last digit; another rounds differently, which long trainings amplify.
        because: A reason to compare the code alone, where a run cannot be repeated or costs too
            much; nothing is measured then. How it was adopted is stored with the runs.

    Raises:
        ValueError: A figure other than a time came out different. Nothing is stored.
    """
    of, how = digest(name, recipe), because
    if because is None:
        seeds = read(name)[1][recipe]
        seed = next(iter(seeds)) if seed is None else str(seed)
        new, old = figures(measured(name, recipe, int(seed))), figures(seeds[seed])
        if not alike(new, old, tolerance):
            raise ValueError(f"{name}, {recipe}, seed {seed} gives {new}, and stored is {old}.")
        other = [f"{key} {new[key]} for {was}" for key, was in old.items() if new[key] != was]
        how = f"seed {seed} measured again on {datetime.date.today()}, {processor()}: "
        how += ", ".join(other) or "equal"
    header, runs = read(name)
    for run in runs[recipe].values():
        if run.get("of") != of or ("adopted" in run and because is None):
            run |= {"of": of, "adopted": how}
    write(name, header, runs)

"""Our recipes beside published ones, on the same data.

python -m benchmarks                       measures what is planned and missing or stale
python -m benchmarks status                lists it
python -m benchmarks try mnist classic 7   measures one recipe under one seed, and stores nothing
python -m benchmarks adopt mnist classic   after a change that changes no figure: measures one
                                           stored seed again and, if all but the times is equal,
                                           gives the recipe's runs the digest of today's code
"""

import argparse
import sys

from benchmarks import runs


def parsed(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("status")
    for command in ("try", "adopt"):
        one = commands.add_parser(command)
        one.add_argument("name", choices=runs.BENCHMARKS)
        one.add_argument("recipe")
        if command == "try":
            one.add_argument("seed", type=int)
        else:
            one.add_argument("--seed", type=int, help="the stored seed to measure again")
            one.add_argument("--tolerance", type=float, default=0.0, help="as a share of a figure")
            one.add_argument("--because", help="compare the code alone, for this reason")
    return parser.parse_args(arguments)


def main(arguments):
    """Run one command; 1 if status finds something or a recipe cannot be adopted."""
    options = parsed(arguments)
    if options.command is None:
        for name in runs.BENCHMARKS:
            runs.measure_missing(name)
        return 0
    if options.command == "status":
        found = [(name, *fault) for name in runs.BENCHMARKS for fault in runs.status(name)]
        for name, recipe, seed, fault in found:
            print(f"{fault:12} {name}: {recipe}, seed {seed}")
        print(f"{len(found)} runs to look after" if found else "all runs are stored and up to date")
        return int(bool(found))
    if options.recipe not in runs.load(options.name).RECIPES:
        print(f"{options.name} has no recipe {options.recipe!r}.", file=sys.stderr)
        return 1
    if options.command == "try":
        print(runs.measured(options.name, options.recipe, options.seed))
        return 0
    try:
        how = {"seed": options.seed, "tolerance": options.tolerance, "because": options.because}
        runs.adopt(options.name, options.recipe, **how)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"adopted: {options.name}, {options.recipe}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

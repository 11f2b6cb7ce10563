"""The recipes of the notebooks, taken from the notebooks themselves."""

import json
import linecache
import types

from utils import ROOT

TAG = "recipe"


def recipe_cells(name):
    """The texts of a notebook's cells tagged `recipe`.

    Args:
        name: The notebook's file name in notebooks/, without ".ipynb".

    Raises:
        ValueError: The notebook does not exist or has no such cell.
    """
    path = ROOT / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        raise ValueError(f"There is no notebook {name}.ipynb in notebooks/.")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(c["source"]) for c in cells if TAG in c["metadata"].get("tags", [])]
    if not sources:
        raise ValueError(f'{name}.ipynb has no cell tagged "{TAG}".')
    return sources


def load_recipe(name):
    """Run a notebook's cells tagged `recipe`, which hold imports and definitions only.

    What `benchmarks/` measures and `make data` stores is so the very code that is taught.

    Args:
        name: The notebook's file name in notebooks/, without ".ipynb".

    Returns:
        A module with what these cells define.

    Raises:
        ValueError: The notebook does not exist or has no such cell.
    """
    recipe = types.ModuleType(name)
    for number, source in enumerate(recipe_cells(name)):
        file = f"<{name}.ipynb, recipe {number}>"  # where inspect, and so tf.function, looks
        linecache.cache[file] = len(source), None, source.splitlines(True), file
        exec(compile(source, file, "exec"), recipe.__dict__)
    return recipe

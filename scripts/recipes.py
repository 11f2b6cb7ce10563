"""The recipes of the notebooks, taken from the notebooks themselves."""

import linecache

import nbformat

from scripts.setup_cell import ROOT

TAG = "recipe"


def load_recipe(name):
    """Run a notebook's cells tagged `recipe`, which hold imports and definitions only.

    What `benchmarks/` measures and `make data` stores is so the very code that is taught.

    Args:
        name: The notebook's file name in notebooks/, without ".ipynb".

    Returns:
        The names that these cells define, a dict.

    Raises:
        ValueError: The notebook does not exist or has no such cell.
    """
    path = ROOT / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        raise ValueError(f"There is no notebook {name}.ipynb in notebooks/.")
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if not cells:
        raise ValueError(f'{name}.ipynb has no cell tagged "{TAG}".')
    defined = {"__name__": name}
    for number, cell in enumerate(cells):
        file = f"<{name}.ipynb, recipe {number}>"  # where inspect, and so tf.function, looks
        linecache.cache[file] = len(cell.source), None, cell.source.splitlines(True), file
        exec(compile(cell.source, file, "exec"), defined)
    return defined

"""Run notebooks and store them with their outputs in one normal form.

python -m scripts.notebooks         every notebook, solutions included
python -m scripts.notebooks 02      those whose file name starts with 02
python -m scripts.notebooks --check [02]    run nothing; say which are not as they would be stored
"""

import base64
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from scripts import setup_cell
from scripts.cells import (
    cell_name,
    large_figures,
    normal_form,
    problems,
    product_picture,
    show_product_first,
)

ROOT = setup_cell.ROOT

CELL_TIMEOUT = 600  # seconds; the longest cell takes a fifth of it, but a machine may be busy
NOTEBOOK_SECONDS, NOTEBOOK_GB = 180, 2.0  # beyond these, a warning

#: What a kernel's environment must hold for its outputs to repeat; conftest.py sets the same.
#: With PYTEST_CURRENT_TEST, ipykernel leaves what C++ code logs out of the cells' outputs.
KERNEL_ENVIRONMENT = {
    "PYTEST_CURRENT_TEST": "notebooks",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "COLUMNS": "80",  # the width at which Keras and rich wrap tables
    "KERAS_BACKEND": "tensorflow",
}
UNWANTED = ("PYTHONWARNINGS", "PYTHONOPTIMIZE")  # would change outputs


class NotebookError(Exception):
    """A notebook cannot be run or stored; the message names the cell and what is wrong."""


# Files


def notebook_paths(prefix: str = "", root: Path = ROOT) -> list[Path]:
    """The notebooks, then their solutions, whose file names start with `prefix`."""
    folders = root / "notebooks", root / "notebooks" / "solutions"
    paths = [path for folder in folders for path in sorted(folder.glob("*.ipynb"))]
    chosen = [path for path in paths if path.name.startswith(prefix)]
    if not chosen:
        if not paths:
            raise NotebookError(f"There are no notebooks in {folders[0]}.")
        names = ", ".join(sorted({path.stem for path in paths}))
        raise NotebookError(f'No notebook\'s name starts with "{prefix}"; there are: {names}.')
    return chosen


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook as it stands in the file: no repairs, no added ids."""
    return nbformat.v4.reads_json(path.read_text(encoding="utf-8"))


def dumps(notebook: nbformat.NotebookNode) -> str:
    """The text of a notebook's file."""
    return nbformat.v4.writes_json(notebook, indent=1) + "\n"


def write(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Replace the file in one step, so that an interruption leaves the old one."""
    part = path.with_suffix(".part")
    part.write_text(dumps(notebook), encoding="utf-8", newline="\n")
    part.replace(path)


# Running


class _OnePython(KernelSpecManager):
    """Knows one kernel: that of a given Python, whatever kernels are installed for the user."""

    def __init__(self, python: str):
        super().__init__()
        self.python = python

    def get_kernel_spec(self, kernel_name):
        argv = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Peak(threading.Thread):
    """Samples the memory of a process until it ends or is told to stop."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.process, self.bytes, self.stopped = psutil.Process(pid), 0, threading.Event()

    def run(self):
        while not self.stopped.wait(0.1):
            try:
                self.bytes = max(self.bytes, self.process.memory_info().rss)
            except psutil.Error:
                return


def kernel_environment() -> dict[str, str]:
    """This process's environment, less what would change outputs, plus what they need."""
    unwanted = {*UNWANTED, "SEED"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | KERNEL_ENVIRONMENT


def execute(
    notebook: nbformat.NotebookNode,
    folder: Path,
    python: str = sys.executable,
    environment: dict[str, str] | None = None,
    cells: int | None = None,
    timeout: float = CELL_TIMEOUT,
) -> int:
    """Run the code cells (or the first `cells` of them) in place, in a fresh kernel in `folder`.

    A cell may take `timeout` seconds.
    Returns the kernel's peak memory in bytes. Raises NotebookError at the first cell that fails.
    """
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_OnePython(python))
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    environment = environment or kernel_environment()
    # cleanup_kc: else nbclient leaves the kernel running, since the manager is not its own
    with client.setup_kernel(cleanup_kc=True, env=environment, stderr=subprocess.DEVNULL):
        peak = _Peak(manager.provisioner.pid)
        peak.start()
        for number, (index, cell) in enumerate(code[:cells], start=1):
            name = cell_name(cell, number)
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                message = " ".join(f"{error.ename}: {error.evalue}".split())
                raise NotebookError(f"{name} fails: {message}") from None
            except CellTimeoutError:
                raise NotebookError(f"{name} takes longer than {timeout} s") from None
            except DeadKernelError:
                raise NotebookError(f"{name}: the kernel died; was memory short?") from None
        peak.stopped.set()
    return peak.bytes


def store(path: Path, address: setup_cell.Address) -> str:
    """Run one notebook and store it; returns the line to print. On an error nothing is stored."""
    before = path.read_text(encoding="utf-8")
    notebook = read(path)
    name = path.name if path.parent.name == "notebooks" else f"{path.parent.name}/{path.name}"
    setup_cell.stamp(notebook, name, address)
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    started = time.perf_counter()
    peak = execute(notebook, path.parent) / 1e9
    seconds = time.perf_counter() - started
    notebook = normal_form(notebook)
    show_product_first(notebook)
    if found := problems(notebook):
        raise NotebookError("\n  ".join(found))
    nbformat.validate(notebook)
    if dumps(notebook) != before:
        write(path, notebook)
    if product := product_picture(notebook):
        (ROOT / "docs" / f"{path.stem}.png").write_bytes(base64.b64decode(product))
    line = f"{name}: {seconds:.0f} s, {peak:.2f} GB"
    line += ", unchanged" if dumps(notebook) == before else ", stored"
    if seconds > NOTEBOOK_SECONDS:
        line += f"\n  warning: over {NOTEBOOK_SECONDS} s"
    if peak > NOTEBOOK_GB:
        line += f"\n  warning: over {NOTEBOOK_GB:g} GB of memory"
    for size, cell in large_figures(notebook):
        line += f"\n  warning: a figure of {size:.0f} kB in {cell}"
    return line


def check_stored(path: Path) -> None:
    """Raise NotebookError where a notebook is not in normal form, or holds what none may."""
    notebook = read(path)
    found = problems(notebook)
    if path.read_text(encoding="utf-8") != dumps(normal_form(notebook)):
        found.append(f"is not in normal form: run `make notebooks NB={path.stem[:2]}`")
    if found:
        raise NotebookError("\n  ".join(found))


def main(arguments: list[str]) -> int:
    """Store, or check, the notebooks that the arguments name; 1 if any of them failed."""
    checking = "--check" in arguments
    arguments = [argument for argument in arguments if argument != "--check"]
    try:
        paths = [path for prefix in arguments or [""] for path in notebook_paths(prefix)]
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 1
    failed = 0
    for path in paths:
        try:
            if checking:
                check_stored(path)
            else:
                print(store(path, setup_cell.address()), flush=True)
        except NotebookError as error:
            failed = 1
            what = "is not as stored" if checking else "not stored"
            print(f"{path.relative_to(ROOT)} {what}:\n  {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

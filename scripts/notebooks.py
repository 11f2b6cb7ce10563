"""Run notebooks and store them with their outputs in one normal form.

python -m scripts.notebooks         every notebook, solutions included
python -m scripts.notebooks 02      those whose file name starts with 02
python -m scripts.notebooks --check [02]    run nothing; say which are not as they would be stored
"""

import base64
import copy
import hashlib
import html
import io
import os
import re
import subprocess
import sys
import threading
import time
from itertools import zip_longest
from pathlib import Path

import nbformat
import numpy as np
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image, ImageChops

from scripts import setup_cell

ROOT = setup_cell.ROOT

CELL_TIMEOUT = 600  # seconds; the longest cell takes a fifth of it, but a machine may be busy
NOTEBOOK_SECONDS, NOTEBOOK_GB, PNG_KB = 180, 2.0, 150  # beyond these, a warning

#: What a kernel's environment must hold for its outputs to repeat; conftest.py sets the same.
#: With PYTEST_CURRENT_TEST, ipykernel leaves what C++ code logs out of the cells' outputs.
KERNEL_ENVIRONMENT = {
    "PYTEST_CURRENT_TEST": "notebooks",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "COLUMNS": "80",  # the width at which Keras and rich wrap tables
    "KERAS_BACKEND": "tensorflow",
}
UNWANTED = ("PYTHONWARNINGS", "PYTHONOPTIMIZE")  # would change outputs

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

PICTURES = ("image/gif", "image/png")  # the MIME types that `utils.figures` shows
IMAGE_METADATA = ("alt", "height", "width")
MIME_TYPES = {*PICTURES, "image/svg+xml", "text/html", "text/latex", "text/markdown", "text/plain"}

COLOUR = re.compile(r"\x1b\[[0-9;]*m")

#: What no stored output may hold, since it differs from machine to machine or run to run. A time
#: of day may belong to the data: after a date before 2020 it is let through.
VARYING = {
    "an absolute path": re.compile(
        r"(?<![\w./:<~])/\w[\w.+-]*/[\w.]|file://|\b[A-Z]:\\\w|(?<!\w)~/\w"
    ),
    "a memory address": re.compile(r"\b0x[0-9a-fA-F]{6,}\b"),
    "a time of day": re.compile(
        r"(?<!\b20[01]\d-\d\d-\d\d[ T])(?<![\d:])\b(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\b"
    ),
    "an escape code or backspace": re.compile(r"[\x1b\x08]"),
    "a carriage return": re.compile(r"\r"),
}


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


# Normal form


def normal_form(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of an executed notebook in the one form in which notebooks are stored."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    taken, count = set(), 0
    for cell in notebook.cells:
        cell.source = cell.source.strip("\n")
        cell.metadata = _cell_metadata(cell)
        cell.id = _cell_id(cell, taken)
        taken.add(cell.id)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = _outputs(cell.outputs, count)
    return notebook


def _cell_metadata(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if setup_cell.is_setup(cell):
        return nbformat.from_dict(setup_cell.METADATA)
    tags = cell.metadata.get("tags")
    return nbformat.from_dict({"tags": list(tags)} if tags else {})


def _cell_id(cell: nbformat.NotebookNode, taken: set[str]) -> str:
    """The cell's own id, or one made from its text where it has none or another has the same."""
    name = cell.get("id", "")
    if re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) and name not in taken:
        return name
    text = cell.source
    while (name := hashlib.sha256(text.encode()).hexdigest()[:8]) in taken:
        text += " "
    return name


def _outputs(outputs: list, count: int) -> list:
    kept = []
    for output in outputs:
        previous = kept[-1] if kept else {}
        if output.output_type == "stream":
            if previous.get("output_type") == "stream" and previous.name == output.name:
                previous.text += output.text
                continue
        elif output.output_type in ("display_data", "execute_result"):
            if output.output_type == "execute_result":
                output.execution_count = count
            images = {
                mime: {key: image[key] for key in IMAGE_METADATA if key in image}
                for mime in PICTURES
                if (image := output.metadata.get(mime))
            }
            output.metadata = nbformat.from_dict({m: image for m, image in images.items() if image})
            if "text/plain" in output.data:  # in colour, where rich writes it (model.summary())
                output.data["text/plain"] = COLOUR.sub("", output.data["text/plain"])
            if "image/png" in output.data:
                png = small_png(base64.b64decode(output.data["image/png"]))
                output.data["image/png"] = base64.b64encode(png).decode()
        kept.append(output)
    return kept


def small_png(png: bytes) -> bytes:
    """The picture without metadata, in 256 colours where no eye tells the difference.

    What has been through here once comes back as it is, whatever machine compressed it, and so
    does an animation.
    """
    chunks = _png_chunks(png)
    if b"acTL" in chunks or chunks <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}:
        return png
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    if image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
        few = image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
        difference = np.asarray(ImageChops.difference(image, few.convert("RGB")))
        if difference.mean() < 0.5 and difference.max() < 24:
            image = few
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _png_chunks(png: bytes) -> set[bytes]:
    kinds, position = set(), 8
    while position + 8 <= len(png):
        kinds.add(png[position + 4 : position + 8])
        position += 12 + int.from_bytes(png[position : position + 4], "big")
    return kinds


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """What keeps a notebook from being stored, each naming the cell; empty if nothing does."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        f"{cell_name(cell, number)} {problem}"
        for number, cell in enumerate(code, start=1)
        for problem in _problems(cell)
    ]


def cell_name(cell: nbformat.NotebookNode, number: int) -> str:
    """For example: code cell 3 (x = 1)."""
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"code cell {number} ({first[:60]})"


def _problems(cell: nbformat.NotebookNode):
    for output, following in zip_longest(cell.outputs, cell.outputs[1:], fillvalue={}):
        yield from _output_problems(output)
        for mime in set(PICTURES) & set(output.get("data", {})):
            alt = output.metadata.get(mime, {}).get("alt")
            shown = following.get("data", {}).get("text/html", "")
            if not alt:
                yield "shows a figure without alternative text"
            elif f'<img alt="{html.escape(alt)}"' not in shown:
                yield "shows a figure whose alternative text no reader gets: use utils.figures"


def _output_problems(output: nbformat.NotebookNode):
    if output.output_type == "error":
        yield f"ends in an error: {output.ename}: {output.evalue}"
        return
    if output.output_type == "stream":
        if output.name == "stderr":
            yield f"writes to stderr: {output.text.strip()[:200]}"
            return
        texts = [output.text]
    else:
        for mime in sorted(set(output.data) - MIME_TYPES):
            yield f"shows {mime}, which a stored notebook cannot: show text or a picture"
        texts = [text for mime, text in output.data.items() if mime.startswith("text/")]
    for what, pattern in VARYING.items():
        for text in texts:
            if match := pattern.search(text):
                around = text[max(0, match.start() - 20) : match.end() + 40]
                yield f"shows {what}: {' '.join(around.split())!r}"
                break


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
    if found := problems(notebook):
        raise NotebookError("\n  ".join(found))
    nbformat.validate(notebook)
    if dumps(notebook) != before:
        write(path, notebook)
    write_readme_picture(path, notebook)
    line = f"{name}: {seconds:.0f} s, {peak:.2f} GB"
    line += ", unchanged" if dumps(notebook) == before else ", stored"
    if seconds > NOTEBOOK_SECONDS:
        line += f"\n  warning: over {NOTEBOOK_SECONDS} s"
    if peak > NOTEBOOK_GB:
        line += f"\n  warning: over {NOTEBOOK_GB:g} GB of memory"
    for size, cell in large_figures(notebook):
        line += f"\n  warning: a figure of {size:.0f} kB in {cell}"
    return line


def write_readme_picture(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Copy the figure of a cell tagged `readme` to docs/, under the notebook's name."""
    for cell in notebook.cells:
        if "readme" in cell.metadata.get("tags", []):
            (png,) = (o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
            picture = ROOT / "docs" / f"{path.stem}.png"
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(base64.b64decode(png))


def large_figures(notebook: nbformat.NotebookNode) -> list[tuple[float, str]]:
    """Size in kB and cell of each figure that is larger than it should be."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sizes = [
        (len(output.data[mime]) * 3 / 4000, cell_name(cell, number))
        for number, cell in enumerate(code, start=1)
        for output in cell.outputs
        for mime in set(PICTURES) & set(output.get("data", {}))
    ]
    return [figure for figure in sizes if figure[0] > PNG_KB]


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

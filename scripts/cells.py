"""The normal form in which a notebook's cells and outputs are stored, and what none may hold."""

import base64
import copy
import hashlib
import html
import io
import re
from itertools import zip_longest

import nbformat
import numpy as np
from PIL import Image, ImageChops

from scripts import setup_cell

PNG_KB = 150  # beyond this, `make notebooks` warns of a figure

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


def product_picture(notebook: nbformat.NotebookNode) -> str:
    """The figure of the cell tagged `product`, in base64; empty where there is none."""
    output = _figure(notebook, "product")
    return output.data["image/png"] if output else ""


def show_product_first(notebook: nbformat.NotebookNode) -> None:
    """Put the product's figure into the output of the cell tagged `preview`."""
    product, preview = _figure(notebook, "product"), _figure(notebook, "preview")
    if product and preview:
        preview.data["image/png"] = product.data["image/png"]
        for side in ("width", "height"):
            preview.metadata["image/png"][side] = product.metadata["image/png"][side]


def _figure(notebook: nbformat.NotebookNode, tag: str) -> nbformat.NotebookNode | None:
    """The output with the figure of the cell with this tag; None where there is no such cell."""
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            (output,) = (o for o in cell.outputs if "image/png" in o.get("data", {}))
            return output
    return None


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

"""Small notebooks in normal form, and their parts, for tests of what stores and publishes them."""

import base64
import io

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from scripts import notebooks, setup_cell


def png(colours=2, **options):
    """A small picture, in as many shades of grey."""
    image = Image.new("RGB", (32, 32))
    image.putdata([(i % colours,) * 3 for i in range(32 * 32)])
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def pixels(picture):
    return Image.open(io.BytesIO(picture)).convert("RGB").tobytes()


def figure(picture, mime_type="image/png", **metadata):
    data = {mime_type: base64.b64encode(picture).decode(), "text/plain": "A picture"}
    return new_output("display_data", data, metadata={mime_type: metadata})


def read_out(alt):
    """The output by which a figure's alternative text reaches the reader."""
    return new_output("display_data", {"text/html": f'<img alt="{alt}" width="1" height="1">'})


def title(text="# Title\n\n<!-- colab badge --><!-- /colab badge -->"):
    return new_markdown_cell(text)


def setup():
    source = setup_cell.source(setup_cell.Address())
    return new_code_cell(source, metadata=setup_cell.METADATA)


def a_notebook(*cells):
    """A notebook of a title, the set-up cell, a check and the given cells, in normal form."""
    check = new_code_cell('check("sum", 1 + 1, equals=2)')
    return notebooks.normal_form(new_notebook(cells=[title(), setup(), check, *cells]))


def shown(text, source="show()"):
    """A code cell that printed `text`."""
    return new_code_cell(source, outputs=[new_output("stream", name="stdout", text=text)])

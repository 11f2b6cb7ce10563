"""A real JupyterLab in headless Chromium runs a notebook, and its figures reach every reader.

`make browser-test` runs notebook 01, NB=06 another. Screenshots are left in build/.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from scripts import cells, notebooks
from scripts.setup_cell import ROOT

BUILD = ROOT / "build"
START_SECONDS, RUN_SECONDS, FIGURE_GOAL = 60, 600, 10

#: JupyterLab keeps every cell in the page, saves nothing by itself and asks no server for news.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

#: What the page shows: the cells' numbers, errors and other text on stderr (JupyterLab draws both
#: alike), and figures that have loaded.
STATE = """() => {
    const output = ".jp-Notebook .jp-OutputArea-output";
    const all = selector => [...document.querySelectorAll(selector)];
    return {
        prompts: all(".jp-CodeCell .jp-InputPrompt").map(prompt => prompt.textContent),
        errors: all(output + "[data-mime-type='application/vnd.jupyter.stderr']")
            .map(text => text.innerText),
        figures: all(output + "[data-mime-type^='image/'] img")
            .filter(image => image.src.startsWith("data:image/") && image.naturalWidth > 0).length,
    };
}"""

#: Shows a figure, an animated PNG and a GIF, each with its alternative text.
PICTURES = """
import io
import matplotlib.pyplot as plt
from PIL import Image
from utils import figures

figure, axes = plt.subplots()
axes.plot([1, 3, 2])
figures.show(figure, 'A line, "up" & down.')
frames = [Image.new("P", (40, 20), colour) for colour in (0, 255)]
for name in ("PNG", "GIF"):
    file = io.BytesIO()
    frames[0].save(file, name, save_all=True, append_images=frames[1:], duration=500)
    figures.show_picture(file.getvalue(), f"A {name} blinks.", (40, 20), f"image/{name.lower()}")
"""
ALTS = ['A line, "up" & down.', "A PNG blinks.", "A GIF blinks."]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A notebook of three pictures, as `make notebooks` would store it."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "utils").symlink_to(ROOT / "utils")
    cells = [new_markdown_cell("# Pictures"), new_code_cell(PICTURES)]
    notebook = new_notebook(cells=cells)
    notebooks.execute(notebook, folder)
    notebook = notebooks.normal_form(notebook)
    assert notebooks.problems(notebook) == []
    return notebook


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory):
    """JupyterLab in a course's notebooks/, with settings of its own."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("utils", "data"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "notebooks").mkdir()
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder / 'notebooks'}"]
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/api/status?token={token}", server)
        yield SimpleNamespace(
            folder=folder / "notebooks", url=f"http://127.0.0.1:{port}/lab{{}}?token={token}"
        )
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for_server(url, server):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start: see {BUILD / 'jupyterlab.log'}.")


def run_all_cells(page, url, name):
    """Open JupyterLab and in it the notebook, choose Run > Run All Cells, wait until that ends.

    Returns the page's last state and the seconds from opening the notebook, by a double click in
    the file browser, to the first figure on screen.
    """
    page.goto(url)
    item = page.locator(".jp-DirListing-item", has_text=name)
    item.wait_for()
    opened = time.monotonic()
    first_figure = None
    item.dblclick()
    page.locator(".jp-KernelName", has_text="Python").wait_for()  # "No Kernel" until it starts
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    while True:
        state = page.evaluate(STATE)
        if first_figure is None and state["figures"]:
            first_figure = time.monotonic() - opened
        prompts = state["prompts"]  # a cell whose source is hidden, as the set-up cell's, has none
        ended = "[*]:" not in prompts and any(re.search(r"\d", prompt) for prompt in prompts)
        if ended or time.monotonic() - opened > RUN_SECONDS:
            page.wait_for_timeout(1000)  # for the last output to be drawn
            return page.evaluate(STATE), first_figure
        page.wait_for_timeout(100)


def read_out(page):
    """The texts of the images in the page's accessibility tree, which screen readers read."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    names = (
        node["name"]["value"]
        for node in tree["nodes"]
        if not node["ignored"] and node["role"]["value"] == "image"
    )
    return [name for name in names if name]


def alternative_texts(notebook):
    """The alternative texts of a notebook's figures, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    metadata = [output.get("metadata", {}) for output in outputs]
    return [m[mime]["alt"] for m in metadata for mime in cells.PICTURES if mime in m]


def test_a_notebook_runs_and_shows_its_figures(jupyterlab, page):
    path = notebooks.notebook_paths(os.environ.get("NB", "01"))[0]
    before = path.read_bytes()
    notebook = notebooks.read(path)
    alts = alternative_texts(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    notebooks.write(jupyterlab.folder / path.name, notebook)
    try:
        state, seconds = run_all_cells(page, jupyterlab.url.format(""), path.name)
    finally:
        page.screenshot(path=BUILD / f"{path.stem}.png")
    if seconds is not None:
        print(f"first figure {seconds:.1f} s after opening the notebook (goal: {FIGURE_GOAL} s)")
    done = [prompt for prompt in state["prompts"] if re.fullmatch(r"(\[\d+\]:)?", prompt)]
    assert len(done) == len(code)
    assert state["errors"] == []
    assert state["figures"] == len(alts) > 0
    assert [text for text in read_out(page) if text in alts] == alts
    assert path.read_bytes() == before


def test_stored_figures_are_read_out_in_jupyterlab(jupyterlab, page, pictures):
    """A notebook that is opened and not run: JupyterLab does not trust its HTML."""
    notebooks.write(jupyterlab.folder / "pictures.ipynb", pictures)
    page.goto(jupyterlab.url.format("/tree/pictures.ipynb"))
    page.wait_for_function(f"({STATE})().figures == {len(ALTS)}")
    assert [text for text in read_out(page) if text in ALTS] == ALTS
    page.screenshot(path=BUILD / "pictures.png")
    heights = page.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea-output[data-mime-type=\"text/html\"] img')]"
        ".map(image => image.getBoundingClientRect().height)"
    )
    assert heights == [1, 1, 1]


def test_stored_figures_are_read_out_as_a_page(page, pictures, tmp_path):
    """nbconvert's page, which draws no GIF, but has its text."""
    html, _ = HTMLExporter(template_name="lab").from_notebook_node(pictures)
    (tmp_path / "pictures.html").write_text(html, encoding="utf-8")
    page.goto(f"file://{tmp_path / 'pictures.html'}")
    assert [text for text in read_out(page) if text in ALTS] == ALTS


def test_the_text_outlives_sanitised_html(page, pictures):
    """As on GitHub, which keeps no styles, and at worst not the pixel's data: a line of text."""
    html = [o.data["text/html"] for o in pictures.cells[1].outputs if "text/html" in o.data]
    page.set_content("<!doctype html>" + "".join(html))
    assert read_out(page) == ALTS
    sizes = page.evaluate("[...document.images].map(image => [image.width, image.height])")
    assert sizes == [[1, 1]] * len(ALTS)
    page.set_content("<!doctype html>" + re.sub(' src="[^"]*"', "", "".join(html)))
    assert read_out(page) == ALTS

"""A real JupyterLab in headless Chromium opens a notebook, runs all cells and shows its figures.

python -m tests.browser_test [notebook]

Works on a copy; leaves a screenshot in build/. Not collected by pytest, since it needs Chromium.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright

from utils import ROOT

BUILD = ROOT / "build"
START_SECONDS, RUN_SECONDS, FIGURE_GOAL = 60, 600, 10

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

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
        figures: all(output + " img")
            .filter(image => image.src.startsWith("data:image/") && image.naturalWidth > 0).length,
    };
}"""


def copy_course(notebook: Path, folder: Path) -> tuple[int, int]:
    """Lay out a course in `folder` with a copy of the notebook without its outputs.

    Returns how many code cells it has and how many figures it promises.
    """
    for path in ROOT.iterdir():
        if path.name in ("utils", "data"):
            (folder / path.name).symlink_to(path)
    content = json.loads(notebook.read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    figures = sum("image/png" in output.get("data", {}) for output in outputs)
    for cell in code:
        cell["outputs"], cell["execution_count"] = [], None
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / notebook.name).write_text(json.dumps(content), encoding="utf-8")
    return len(code), figures


@contextmanager
def jupyterlab(folder: Path):
    """Start JupyterLab in notebooks/, with settings of its own; yields its address and token."""
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
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder / 'notebooks'}"]
    with open(BUILD / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for_server(f"{address}/api/status?token={token}", server)
            yield address, token
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_for_server(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"JupyterLab did not start: see {BUILD / 'jupyterlab.log'}.")


def run_all_cells(page, url: str, name: str) -> tuple[dict, float | None]:
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


def report(state: dict, cells: int, figures: int, untouched: bool) -> int:
    """Print one line for each thing tested and return how many failed."""
    done = sum(re.fullmatch(r"(\[\d+\]:)?", prompt) is not None for prompt in state["prompts"])
    tests = [
        (f"all {cells} code cells have run", done == cells, done),
        ("no cell shows an error or text on stderr", not state["errors"], state["errors"]),
        (f"{figures} figures are shown", state["figures"] == figures > 0, state["figures"]),
        ("the notebook's file is as it was", untouched, ""),
    ]
    for name, passed, found in tests:
        print(f"passed: {name}" if passed else f"FAILED: {name}; found: {found}")
    failed = sum(not passed for _, passed, _ in tests)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed


def main(arguments: list[str]) -> int:
    """Test one notebook, by default the first; 1 if anything failed."""
    notebook = Path(arguments[0] if arguments else ROOT / "notebooks" / "01_mlp_classifier.ipynb")
    if not notebook.is_file():
        sys.exit(f"There is no notebook {notebook}.")
    names = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        sys.exit("No Chromium is installed: on Debian, run `apt-get install chromium`.")
    BUILD.mkdir(exist_ok=True)
    before = notebook.read_bytes()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        cells, figures = copy_course(notebook, folder)
        with jupyterlab(folder) as (address, token), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.set_default_timeout(START_SECONDS * 1000)
            try:
                url = f"{address}/lab?token={token}"
                state, seconds = run_all_cells(page, url, notebook.name)
            except BrowserError as error:
                print(f"FAILED: {error.message}\n0 passed, 1 failed")
                return 1
            finally:
                page.screenshot(path=BUILD / f"{notebook.stem}.png")
                browser.close()
    if seconds is not None:
        print(f"first figure {seconds:.1f} s after opening the notebook (goal: {FIGURE_GOAL} s)")
    return int(report(state, cells, figures, notebook.read_bytes() == before) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

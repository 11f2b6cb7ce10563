"""The browser of the tests that need one."""

import os
import shutil

import pytest

#: For a container: its root user has no sandbox, and nothing but the tests asks the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(playwright):
    """Chromium, headless; without it the test is skipped, or fails where CI is set."""
    names = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = "No Chromium is installed: on Debian, run `apt-get install chromium`."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return playwright.chromium.launch(executable_path=path, args=FLAGS)

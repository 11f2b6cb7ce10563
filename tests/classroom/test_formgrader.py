"""Marking by hand in nbgrader's formgrader, in a real browser. Needs Chromium."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("nbgrader")
pytest.importorskip("playwright")
import chromium
import toy
from playwright.sync_api import sync_playwright
from test_grading import ROOT, Course

STUDENT = "Łukasz Żółć"
SCRIPT = "Because <script>document.title = 'run'</script> <b>axis</b> 1 is the row."


@pytest.fixture
def course(tmp_path):
    course = Course(tmp_path)
    version = course.release()
    course.hand_in(STUDENT, toy.answered(version, **toy.RIGHT | {"explain": SCRIPT}))
    course.grade()
    return course


@pytest.fixture
def formgrader(course):
    """The formgrader as `make formgrader` starts it; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "classroom", "formgrader", "--class", course.room.folder]
    argv += ["--source", course.room.source, "--no-browser", f"--port={port}"]
    argv += ["--IdentityProvider.token=", "--allow-root"]
    process = subprocess.Popen(
        [str(a) for a in argv], cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address, deadline = f"http://127.0.0.1:{port}/formgrader", time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(address, timeout=30).close()
            break
        except OSError:
            assert time.monotonic() < deadline and process.poll() is None, "no formgrader"
            time.sleep(0.5)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_marks_given_in_the_browser_reach_scores_and_feedback(course, formgrader):
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = browser.new_page()
        page.goto(formgrader)
        page.get_by_role("link", name="Manual Grading").click()
        page.get_by_role("link", name=toy.NAME, exact=True).click()
        page.get_by_role("link", name=toy.NAME, exact=True).last.click()
        page.get_by_role("link", name="Submission #1").click()
        page.get_by_text("rubric").wait_for()  # the mark scheme, for the marker alone
        page.wait_for_load_state("networkidle")  # the marks are loaded after the page
        score = page.locator("input.score").last
        score.fill("3")
        score.press("Tab")
        comment = page.locator("textarea.comment").last
        comment.fill("Say which rows.")
        comment.press("Tab")
        page.wait_for_load_state("networkidle")
        page.reload()
        page.wait_for_load_state("networkidle")
        assert page.locator("input.score").last.input_value() == "3"
        assert page.title() != "run"
        assert page.locator("script", has_text="document.title = 'run'").count() == 0
        browser.close()
    course.grade()
    row = course.scores()[STUDENT]
    assert (row["score"], row["by_hand"], row["to_mark_by_hand"]) == ("13", "3", "0")
    assert "Say which rows." in course.feedback(STUDENT)

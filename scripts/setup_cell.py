"""The set-up cell that begins every notebook, and the Colab badge: each written in one place."""

import re
import tomllib
from pathlib import Path

from utils import ROOT

TAG = "setup"

#: Marks the cell, and hides its source in Jupyter (`jupyter`) and on Colab (`cellView`).
METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": [TAG]}

TEMPLATE = """\
# @title Set-up: run this cell first
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY, BRANCH = "@REPOSITORY@", "@BRANCH@"  # written by `make publish`
on_colab, clone = "google.colab" in sys.modules, Path.cwd() / "course"
places = [clone, *clone.parents]
course = next((p for p in places if (p / "utils/quiet.py").exists()), None)
if course is None and on_colab and REPOSITORY:
    url = f"https://github.com/{REPOSITORY}.git"
    git = ["git", "clone", "--quiet", "--depth=1", f"--branch={BRANCH}", url, clone]
    if subprocess.run(git, capture_output=True).returncode:
        sys.exit(f"git could not fetch {url}: check the network and run this again.")
    course = clone
if course is None and on_colab:
    sys.exit("Set REPOSITORY in this cell to the course's GitHub address: owner/name.")
if course is None:
    sys.exit("Open this notebook from within the course's folder, or on Google Colab.")
if on_colab:
    os.chdir(course / "notebooks")
sys.path.insert(0, str(course))"""

#: Where a badge goes: in a title cell, or, with a notebook's name, in README's table.
BADGE_PLACE = re.compile(
    r"<!-- colab badge(?: (?P<name>\S+\.ipynb))? -->.*?<!-- /colab badge -->", re.DOTALL
)


def address(root: Path = ROOT) -> tuple[str, str]:
    """The repository ("owner/name", empty before publishing) and branch in pyproject.toml."""
    course = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]
    return course["repository"], course["branch"]


def source(repository: str, branch: str) -> str:
    """The set-up cell's text for one published address."""
    return TEMPLATE.replace("@REPOSITORY@", repository).replace("@BRANCH@", branch)


def is_setup(cell: dict) -> bool:
    return cell["cell_type"] == "code" and TAG in cell["metadata"].get("tags", [])


def with_badges(text: str, default: str, repository: str, branch: str) -> str:
    """`text` with every badge place filled, or emptied where `repository` is empty.

    `default` is the notebook's path under notebooks/ for places that name none.
    """

    def badge(place: re.Match) -> str:
        name = place["name"]
        page = f"https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks"
        image = "https://colab.research.google.com/assets/colab-badge.svg"
        link = f'<a href="{page}/{name or default}"><img src="{image}" alt="Open in Colab"></a>'
        opening = f"<!-- colab badge {name} -->" if name else "<!-- colab badge -->"
        return opening + (link if repository else "") + "<!-- /colab badge -->"

    return BADGE_PLACE.sub(badge, text)


def stamp(notebook: dict, name: str, repository: str, branch: str) -> None:
    """Write the address into a notebook's set-up cell and badges; outputs are untouched.

    `name` is the notebook's path under notebooks/, such as "solutions/02_mnist_cnn.ipynb".
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = with_badges(cell["source"], name, repository, branch)
        elif is_setup(cell):
            cell["source"] = source(repository, branch)

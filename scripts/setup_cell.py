"""The set-up cell that begins every notebook, and the Colab badge: each written in one place."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from utils import ROOT

TAG = "setup"

#: Marks the cell, and hides its source in Jupyter (`jupyter`) and on Colab (`cellView`).
METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": [TAG]}

TEMPLATE = '''\
# @title Set-up: run this cell first
import os
import subprocess
import sys
from pathlib import Path

# The course on GitHub, and a second address for git; written by `make publish`.
REPOSITORY, MIRROR, BRANCH = "@REPOSITORY@", "@MIRROR@", "@BRANCH@"


def find_course():
    """The course's folder: in or above this folder, or above the notebook."""
    # Where a kernel starts elsewhere, VS Code and Jupyter say which notebook it runs.
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    notebook = Path(here, globals().get("__vsc_ipynb_file__", notebook))
    folders = [*sorted(here.glob("course*")), here, *here.parents, *notebook.parents]
    return next((f for f in folders if (f / "utils/quiet.py").is_file()), None)


def fetch_course():
    """Clone the course into this folder: whole, or not at all."""
    addresses = [f"https://github.com/{REPOSITORY}.git", *([MIRROR] if MIRROR else [])]
    patience = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"]
    clone = ["git", *patience, "clone", "--quiet", "--depth=1", f"--branch={BRANCH}"]
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    failures = []
    for address in addresses:
        part = here / f".course-{os.urandom(4).hex()}"
        command = [*clone, address, str(part)]
        git = subprocess.run(command, env=environment, capture_output=True)
        if git.returncode == 0:
            taken = (here / "course").exists()  # by something that is not the course
            return part.rename(here / (part.name[1:] if taken else "course"))
        said = git.stderr.decode(errors="replace").partition("fatal: ")[2]
        failures.append(f"{address} ({said.partition(chr(10))[0] or git.returncode})")
    sys.exit(f"git could not fetch the course from {' or '.join(failures)}.")


here = Path.cwd()
course = find_course()
if course is None and not REPOSITORY:
    sys.exit(
        f"This notebook runs in {here}, which is not in the course's folder: open it"
        " from there, or set REPOSITORY in this cell to owner/name on GitHub."
    )
try:
    course = course or fetch_course()
except OSError as error:
    sys.exit(f"The course could not be fetched into {here}: {error}")
if course not in here.parents:
    os.chdir(course / "notebooks")
sys.path.insert(0, str(course))'''

#: Where a badge goes: in a title cell, or, with a notebook's name, in README's table.
BADGE_PLACE = re.compile(
    r"<!-- colab badge(?: (?P<name>\S+\.ipynb))? -->.*?<!-- /colab badge -->", re.DOTALL
)


class Address(NamedTuple):
    """Where the course is published."""

    repository: str = ""  #: "owner/name" on GitHub; empty before publishing
    branch: str = "main"
    mirror: str = ""  #: a second address from which git can clone it; may be empty


def address(root: Path = ROOT) -> Address:
    """The address in pyproject.toml."""
    course = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]
    return Address(course["repository"], course["branch"], course["mirror"])


def source(address: Address) -> str:
    """The set-up cell's text for one published address."""
    text = TEMPLATE
    for key, value in address._asdict().items():
        text = text.replace(f"@{key.upper()}@", value)
    return text


def is_setup(cell: dict) -> bool:
    return cell["cell_type"] == "code" and TAG in cell["metadata"].get("tags", [])


def with_badges(text: str, default: str, address: Address) -> str:
    """`text` with every badge place filled, or emptied where the address has no repository.

    `default` is the notebook's path under notebooks/ for places that name none.
    """

    def badge(place: re.Match) -> str:
        name = place["name"]
        published = f"{address.repository}/blob/{address.branch}"
        page = f"https://colab.research.google.com/github/{published}/notebooks"
        image = "https://colab.research.google.com/assets/colab-badge.svg"
        link = f'<a href="{page}/{name or default}"><img src="{image}" alt="Open in Colab"></a>'
        opening = f"<!-- colab badge {name} -->" if name else "<!-- colab badge -->"
        return opening + (link if address.repository else "") + "<!-- /colab badge -->"

    return BADGE_PLACE.sub(badge, text)


def stamp(notebook: dict, name: str, address: Address) -> None:
    """Write the address into a notebook's set-up cell and badges; outputs are untouched.

    `name` is the notebook's path under notebooks/, such as "solutions/02_mnist_cnn.ipynb".
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = with_badges(cell["source"], name, address)
        elif is_setup(cell):
            cell["source"] = source(address)

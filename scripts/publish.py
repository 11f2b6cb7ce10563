"""Stamp the repository's address into the set-up cells and Colab badges.

python -m scripts.publish owner/name [branch [mirror]]
"""

import re
import sys
from pathlib import Path

from scripts import notebooks, setup_cell


class AddressError(Exception):
    """The address cannot be one of a GitHub repository and branch."""


def publish(
    repository: str, branch: str = "", mirror: str = "", root: Path = setup_cell.ROOT
) -> list[Path]:
    """Write the address into pyproject.toml, README.md and all notebooks; returns what changed.

    An empty branch or mirror keeps the one that pyproject.toml names; the mirror "none" removes it.
    """
    stands = setup_cell.address(root)
    branch = branch or stands.branch
    mirror = {"": stands.mirror, "none": ""}.get(mirror, mirror)
    if not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/[\w.-]+", repository, re.ASCII):
        raise AddressError(
            f'"{repository}" is not a repository on GitHub: write REPO=owner/name,'
            " without https:// or .git."
        )
    if repository.endswith(".git"):
        raise AddressError(f'Write REPO={repository.removesuffix(".git")}, without ".git".')
    if not re.fullmatch(r"\w[\w./-]*", branch, re.ASCII):
        raise AddressError(f'"{branch}" is not a branch: write for example BRANCH=main.')
    if not re.fullmatch(r"(https://[\w.-]+/[\w./~+-]+)?", mirror, re.ASCII):
        raise AddressError(
            f'"{mirror}" is no address of a mirror: write for example'
            " MIRROR=https://gitee.com/owner/name.git, or MIRROR=none."
        )
    address = setup_cell.Address(repository, branch, mirror)
    paths = notebooks.notebook_paths(root=root)
    texts = {root / "pyproject.toml": _with_setting(root / "pyproject.toml", address)}
    readme = root / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        texts[readme] = setup_cell.with_badges(text, paths[0].name, address)
    for path in paths:
        notebook = notebooks.read(path)
        name = path.relative_to(root / "notebooks").as_posix()
        setup_cell.stamp(notebook, name, address)
        texts[path] = notebooks.dumps(notebook)
    changed = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        path.write_text(texts[path], encoding="utf-8", newline="\n")
    return changed


def _with_setting(path: Path, address: setup_cell.Address) -> str:
    text = path.read_text(encoding="utf-8")
    head, table, rest = text.partition("[tool.course]\n")
    course, bracket, tail = rest.partition("\n[")
    for key, value in address._asdict().items():
        course = re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', course, flags=re.MULTILINE)
    return head + table + course + bracket + tail


def main(arguments: list[str]) -> int:
    """Publish at the address that the arguments give."""
    try:
        changed = publish(*(arguments or [""])[:3])
    except (AddressError, notebooks.NotebookError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in changed:
        print(f"stamped {path.relative_to(setup_cell.ROOT)}")
    if not changed:
        print("every file names this address already")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

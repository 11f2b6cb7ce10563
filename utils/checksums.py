"""The list of the checksums of the files in `data/`, in the format of `sha256sum`.

Everything that reads, verifies or changes the list does it here.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

LIST = "checksums.sha256"

#: What a reader does about a file that is missing or damaged: the end of each error's sentence.
REMEDY = "get the course's data/ again, or prepare it with `make data`"

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<name>.+)")  # * is sha256sum's binary mode


def read(folder: Path) -> dict[str, str]:
    """Returns the list in `folder` as {file's path below `folder`, with slashes: SHA-256 in hex}.

    Raises:
        FileNotFoundError: the list is missing.
        ValueError: a line is not one of `sha256sum`.
    """
    path = folder / LIST
    if not path.is_file():
        raise FileNotFoundError(f"The list {path} is missing: {REMEDY}.")
    found = {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if not match:
            raise ValueError(f"Line {number} of the list {path} is no checksum: {REMEDY}.")
        found[match["name"]] = match["digest"]
    return found


def write(folder: Path, checksums: Mapping[str, str]) -> None:
    """Writes the list into `folder`, sorted by path: the same bytes on every system."""
    lines = (f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    (folder / LIST).write_text("".join(lines), encoding="utf-8", newline="\n")


def compute(folder: Path) -> dict[str, str]:
    """Returns {path: SHA-256} of the files in the folders of `folder`, as `read` does.

    Files beside the list, such as README.md, are not data; hidden files and folders are not either.
    """
    paths = (path.relative_to(folder) for path in folder.glob("*/**/*") if path.is_file())
    paths = (path for path in paths if not any(part.startswith(".") for part in path.parts))
    return {path.as_posix(): _sha256(folder / path) for path in paths}


def update(folder: Path, files: Iterable[str]) -> None:
    """Puts the present checksums of `files`, paths below `folder`, into its list.

    Raises:
        FileNotFoundError: one of the files is missing.
        ValueError: a line of the list is not one of `sha256sum`.
    """
    known = read(folder) if (folder / LIST).exists() else {}
    write(folder, known | {file: _sha256(folder / file) for file in files})


def verify(folder: Path, prefix: str = "") -> None:
    """Compares the listed files whose paths start with `prefix` with their checksums.

    Raises:
        FileNotFoundError: the list or a file is missing.
        ValueError: the list is damaged or names no such file, or a file is damaged.
    """
    expected = {name: digest for name, digest in read(folder).items() if name.startswith(prefix)}
    if not expected:
        raise ValueError(f"The list {folder / LIST} does not name the files of {prefix}: {REMEDY}.")
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"The file {path} is missing: {REMEDY}.")
        if _sha256(path) != digest:
            raise ValueError(f"The file {path} is damaged (its SHA-256 differs): {REMEDY}.")


def _sha256(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

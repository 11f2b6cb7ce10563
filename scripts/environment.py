"""Make a virtual environment of what requirements files or locks name: with uv, else with pip.

python -m scripts.environment                          .venv of requirements.lock
python -m scripts.environment FOLDER REQUIREMENTS…     FOLDER of these

An environment that is ready is left alone, and one that has a part is given the rest. uv is the
machine's own, or pip puts it into build/uv. Any Python from 3.8 on runs this, with its standard
library alone, and it picks one that the course can use: so it serves Windows, which has no make,
and machines whose own Python is older or newer than TensorFlow's.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from utils import ROOT

BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
DEV_LOCK = ROOT / "requirements-dev.lock"

DISK = r"No space left|os error 28|not enough space on the disk"
HASHES = r"[Hh]ash mismatch|DO NOT MATCH THE HASHES"
NETWORK = (
    r"error sending request|dns error|[Cc]onnect|name resolution|[Tt]imed out|[Pp]roxy"
    r"|Failed to fetch|SSL|certificate"
)


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


class NetworkError(SetupError):
    """The package index cannot be reached."""


def make(folder, requirements, versions=None):
    """Make the environment, unless it is ready.

    Args:
        folder: Where. What is there is replaced, unless this made it and it lacks some of the
            requirements only.
        requirements: Paths of requirements files, which have to agree. All packages of a `.lock`
            must have hashes.
        versions: The Python versions it may have, best first; by default the course's.

    Returns:
        The path of its Python.

    Raises:
        SetupError: There is no such Python, no network, no room, or a package is damaged.
    """
    versions = versions or python_versions()
    folder = Path(folder).absolute()
    python, stamp = folder / BIN / f"python{EXE}", folder / "installed.json"
    wanted = {str(file): _digest(file) for file in requirements}
    if None in wanted.values():
        raise SetupError(f"one of {', '.join(wanted)} is missing: get the course again")
    installed = _installed(folder, stamp, versions)
    if wanted.items() <= installed.items():
        return python
    stamp.unlink(missing_ok=True)
    uv = _uv_if_any()
    if any(_digest(file) != digest for file, digest in installed.items()) or not installed:
        installed = {}
        create(folder, _python_or_fetched(versions, uv), uv)
    missing = [file for file in wanted if file not in installed]
    print(
        f"Installing the packages of {' and '.join(missing)} into {os.path.relpath(folder)}"
        f" with {'uv' if uv else 'pip'} and Python {version_of(python)}, once.",
        flush=True,
    )
    for file in missing:
        install(folder, file, uv)
    stamp.write_text(json.dumps({"folder": str(folder), "files": {**installed, **wanted}}))
    return python


def _digest(file):
    path = ROOT / file
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _installed(folder, stamp, versions):
    """The requirements files, {path: digest}, that an environment holds; none if it is no good."""
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    # Programs in an environment hold its path, and its Python may have been uninstalled.
    good = known["folder"] == str(folder) and version_of(folder / BIN / f"python{EXE}") in versions
    return known["files"] if good else {}


def _uv_if_any():
    try:
        return find_uv()
    except NetworkError:  # out of pip's reach, too
        raise
    except SetupError as error:
        print(f"uv cannot be had ({error}): pip installs instead, in about three minutes.")
        return None


def find_uv():
    """The path of uv: the machine's own, or one that pip puts into build/uv.

    Raises:
        SetupError: pip cannot get it.
    """
    if own := shutil.which("uv"):
        return own
    folder = ROOT / "build" / "uv"
    program, pinned = folder / BIN / f"uv{EXE}", folder / "uv.lock"
    pin = re.search(r"^uv==.*(?:\n +--hash=.*)+\n", DEV_LOCK.read_text(encoding="utf-8"), re.M)
    if not (program.is_file() and pinned.is_file() and pinned.read_text() == pin.group()):
        create(folder, sys.executable)
        part = folder / "uv.part.lock"
        part.write_text(pin.group())
        pip_install(folder, part)
        part.replace(pinned)
    return str(program)


def python_versions():
    """The Python versions that requires-python in pyproject.toml allows, newest first: 3.13, …"""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    first, after = re.search(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"', text, re.M).groups()
    return [f"3.{minor}" for minor in reversed(range(int(first), int(after)))]


def find_python(versions):
    """The path of a Python of one of these versions: this one, one on PATH, or one of pyenv's.

    None where there is none.
    """
    candidates = [sys.executable, *(shutil.which(f"python{version}") for version in versions)]
    for version in versions:
        pattern = f".pyenv/versions/{version}.*/bin/python{version}"
        candidates += sorted(map(str, Path.home().glob(pattern)))
    return next((path for path in candidates if path and version_of(path) in versions), None)


def _python_or_fetched(versions, uv):
    python = find_python(versions)
    if python:
        return python
    names = (
        ", ".join(reversed(versions[1:])) + f" or {versions[0]}" if versions[1:] else versions[0]
    )
    try:
        if uv:
            print(f"There is no Python {names} on this machine: uv fetches one.", flush=True)
            run(uv, "python", "install", versions[0])
            return run(uv, "python", "find", versions[0]).strip()
    except SetupError:
        pass
    raise SetupError(
        f"Python {names} is needed, and this is {version_of(sys.executable)}: install one, or"
        " name it, as in: make lab PYTHON=/path/to/python3.12"
    )


def version_of(python):
    """Major and minor version of the Python at a path, such as "3.12"; "" if it does not run."""
    try:
        return run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    except (OSError, SetupError):  # pyenv's shims exist for versions that are not chosen, too
        return ""


def create(folder, python, uv=None):
    """An environment with pip in place of what was in `folder`."""
    try:
        run(python, "-m", "venv", "--clear", folder)
    except SetupError as error:
        if uv:  # Debian's Python, for one, comes without what it needs
            run(uv, "venv", "--clear", "--seed", "--python", python, folder)
        else:
            raise SetupError(
                f"{python} cannot make environments ({error}): install uv or Python's venv, as in:"
                " apt install python3-venv"
            ) from None


def install(folder, requirements, uv=None):
    """Install a requirements file with uv, or with pip where there is none or it has no way out."""
    try:
        if uv:
            return uv_install(uv, folder, requirements)
    except NetworkError:
        print("uv cannot reach the package index: pip tries, in about three minutes.", flush=True)
    pip_install(folder, requirements)


def uv_install(uv, folder, requirements):
    """Install a requirements file with uv, from the index that pip is set to use."""
    python, environment = folder / BIN / f"python{EXE}", dict(os.environ)
    settings = run(python, "-m", "pip", "config", "list")  # of variables first, then of files
    if index := re.search(r"^\S+\.index-url='(.+)'", settings, re.M):
        environment.setdefault("UV_DEFAULT_INDEX", index[1])
    run(uv, "pip", "install", "--python", python, *_options(requirements), env=environment)


def pip_install(folder, requirements):
    """Install a requirements file with the environment's own pip."""
    pip = [folder / BIN / f"python{EXE}", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "install", "--retries", "1", *_options(requirements))


def _options(requirements):
    hashes = ["--require-hashes"] if Path(requirements).suffix == ".lock" else []
    return [*hashes, "-r", requirements]


def run(*command, env=None):
    """Run a program in the course's folder; returns what it writes to standard output.

    Raises:
        SetupError: It fails; the message says why, in words for the user where the reason is known.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode == 0:
        return done.stdout
    output = done.stdout + done.stderr
    if re.search(DISK, output):
        raise SetupError("the disk is full: make room and try again")
    if re.search(HASHES, output):
        raise SetupError(
            "a package and its hash in the lock differ, so one of them is damaged: get the lock"
            " again, as in: git checkout -- '*.lock'"
        )
    if re.search(NETWORK, output):
        raise NetworkError("the package index cannot be reached: check the network and try again")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    raise SetupError(" ".join(lines[-3:]) or f"{words[0]} fails and says nothing")


def main(arguments=None):
    """Make the environment that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default=".venv")
    parser.add_argument("requirements", nargs="*", default=["requirements.lock"])
    options = parser.parse_args(arguments)
    try:
        make(options.folder, options.requirements or ["requirements.lock"])
    except SetupError as error:
        sys.exit(f"The course cannot be set up: {error}.")


if __name__ == "__main__":
    main()

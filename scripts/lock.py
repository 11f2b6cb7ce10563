"""Pin everything in requirements*.lock, and see that they install.

requirements.lock is what learners get; the maintainers' and the classroom's have its versions
wherever they have its packages.
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.environment import python_versions
from utils import ROOT

PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
PYTHONS = tuple(reversed(python_versions()))
COMPILE = (
    f"pip compile --universal --python-version {PYTHONS[0]} --generate-hashes --quiet"
    " --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'"
)
LOCKS = {
    "requirements.lock": "requirements.txt",
    "requirements-dev.lock": "requirements-dev.txt -c requirements.lock",
    "requirements-classroom.lock": "requirements-classroom.txt -c requirements-dev.lock",
}


def uv(*arguments):
    uv_program = Path(sys.executable).with_name("uv")
    return subprocess.run([uv_program, *arguments], cwd=ROOT, capture_output=True, text=True)


def main():
    """Resolve, then ask for the wheels of each platform and Python without installing them."""
    for lock, inputs in LOCKS.items():
        resolved = uv(*shlex.split(f"{COMPILE} -o {lock} {inputs}"), *sys.argv[1:])
        if resolved.returncode:
            sys.exit(f"{lock} is unchanged, uv could not resolve:\n{resolved.stderr}")
        for platform in PLATFORMS:
            for python in PYTHONS:
                _try(lock, platform, python)
            print(f"{lock} installs on {platform} with Python {', '.join(PYTHONS)}")


def _try(lock, platform, python):
    with tempfile.TemporaryDirectory() as empty:
        tried = uv(
            *("pip", "install", "--dry-run", "--require-hashes", "--only-binary=:all:"),
            "--no-binary=promise",  # pure Python, published as source only
            *("--python-platform", platform, "--python-version", python),
            *("--target", empty, "-r", lock),
        )
    if tried.returncode:
        sys.exit(f"{lock} does not install on {platform}, Python {python}:\n{tried.stderr}")


if __name__ == "__main__":
    main()

"""What a program in the sandbox finds there, as options of bubblewrap."""

import os
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent

#: This Python, by a path that is the same inside.
PYTHON = os.path.join(
    os.path.realpath(os.path.dirname(sys.executable)), os.path.basename(sys.executable)
)
#: Where a program in the sandbox finds the course and its own work folder.
INSIDE, WORK = "/course", "/course/work"

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
ETC = "ld.so.cache ld.so.conf ld.so.conf.d alternatives localtime mime.types fonts".split()
#: What may be written, each with its size in bytes.
WRITABLE = {WORK: 256 << 20, "/tmp": 256 << 20, "/dev/shm": 64 << 20}


def python_folders() -> list[str]:
    """The folders from which this Python imports and starts, the outermost only."""
    packages = [f for f in sys.path if Path(f).name in ("site-packages", "dist-packages")]
    folders = [sys.prefix, sys.base_prefix, *packages, os.path.dirname(PYTHON)]
    folders += [os.path.realpath(folder) for folder in folders]
    folders.append(os.path.dirname(os.path.realpath(PYTHON)))
    kept: list[str] = []
    for folder in sorted({os.path.abspath(f) for f in folders if os.path.isdir(f)}):
        if not any(Path(folder).is_relative_to(k) for k in (*kept, "/usr")):
            kept.append(folder)
    return kept


def options(user: int | None, placed: list[str]) -> list[str]:
    """bubblewrap's options.

    Args:
        user: Whom a grader that is root makes of itself afterwards; None without root.
        placed: Further options, which put files into the work folder.
    """
    told = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
               "--unshare-cgroup-try", "--die-with-parent", "--new-session",
               "--hostname", "sandbox"]  # fmt: skip
    if user is None:
        told += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
    else:
        told += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]

    def bind(source, target=None):
        target = str(target or source)
        told.extend([*folders(target, "0755"), "--ro-bind", str(source), target])

    for folder in SYSTEM:
        if os.path.islink(folder):
            told += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            bind(folder)
    for folder in python_folders():
        bind(folder)
    for name in ("utils", "data"):
        if (COURSE / name).is_dir():
            bind(COURSE / name, f"{INSIDE}/{name}")
    for name in ETC:
        if os.path.exists(f"/etc/{name}"):
            bind(os.path.realpath(f"/etc/{name}"), f"/etc/{name}")
    told += ["--proc", "/proc", "--ro-bind", "/dev/null", "/proc/keys"]
    told += ["--ro-bind", "/dev/null", "/proc/key-users", "--dev", "/dev"]
    for folder, size in WRITABLE.items():
        told += folders(folder, "0755")
        told += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    for folder in ("/proc", "/dev", "/"):
        placed = [*placed, "--remount-ro", folder]
    return [*told, *placed, "--chdir", WORK]


def folders(path: str, mode: str, within: str = "/") -> list[str]:
    """Options that make the folders below `within` in which `path` will lie."""
    parents = [str(p) for p in reversed(Path(path).parents) if str(p) not in (within, "/")]
    parents = [p for p in parents if Path(p).is_relative_to(within)]
    return [word for parent in parents for word in ("--perms", mode, "--dir", parent)]

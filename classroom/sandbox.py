"""Run a kernel where it can reach nothing that is not its own.

On Linux a kernel gets a root folder that holds, read-only, the system's programs, this Python
and the course's `utils/` and `data/`, and besides these only an empty work folder. It has its own
process, network and mount namespaces: no other process, no network, no other file exists for it.
Started by root it runs under a user of its own, else as root of an otherwise empty user namespace,
with no capabilities. Elsewhere only the limits on time, memory and output remain.
"""

import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent

#: Where a kernel in a sandbox finds the course and its own work folder.
INSIDE, WORK = "/course", "/course/work"

FULL, NAMESPACES, LIMITS = "another user, no files, no network", "no files, no network", "limits"

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
BIN = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types")
DEVICES = ("null", "zero", "full", "random", "urandom")

PROCESSES, OPEN_FILES, FILE_BYTES, DISK = 400, 1024, 128 << 20, "256m"


@dataclass(frozen=True)
class Isolation:
    """How kernels are kept apart here, and, if not fully, why."""

    level: str
    reason: str = ""

    def sentence(self) -> str:
        """For the report: what a submission could reach."""
        if self.level == FULL:
            return (
                "Each submission ran under a user of its own, without network and without access"
                " to any file but its own."
            )
        if self.level == NAMESPACES:
            return (
                "Each submission ran without network and without access to any file but its own,"
                " under your own user (start the grading as root for a user of its own)."
            )
        return (
            "WARNING: submissions were NOT isolated: their code could read your files, solutions"
            f" included, and use the network. {self.reason} Grade on Linux, as root or where user"
            " namespaces are allowed; until then read what the submissions do."
        )


def python_folders() -> list[str]:
    """The folders from which this Python imports, without the course itself."""
    packages = [f for f in sys.path if Path(f).name in ("site-packages", "dist-packages")]
    folders = [sys.prefix, sys.base_prefix, *packages]
    folders += [os.path.realpath(folder) for folder in folders]
    folders.append(os.path.dirname(os.path.realpath(sys.executable)))
    kept: list[str] = []
    for folder in sorted({os.path.abspath(f) for f in folders if os.path.isdir(f)}):
        if COURSE == Path(folder) or Path(folder) in COURSE.parents:
            continue  # would show the solutions
        if not any(Path(folder).is_relative_to(k) for k in (*kept, "/usr")):
            kept.append(folder)
    return kept


def kernel_environment() -> dict[str, str]:
    """A small environment: nothing of the teacher's own, no keys, no addresses."""
    kept = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "TZ", "SYSTEMROOT")}
    threads = os.environ.get("COURSE_THREADS", "")
    limited = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {
        "LANG": "C.UTF-8",
        **kept,
        **({name: threads for name in limited} if threads else {}),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *BIN]),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        "NBGRADER_EXECUTION": "autograde",
    }


def _script(argv, scratch, shared, user):
    """The shell script that builds the root folder and runs `argv` in it as `user`."""
    root = scratch / "root"
    lines = ["set -e"]

    def at(path):
        return shlex.quote(f"{root}{path}")

    def bind(source, target, writable=False):
        lines.append(f"mount --bind {shlex.quote(str(source))} {at(target)}")
        if not writable:
            lines.append(f"mount -o remount,bind,ro,nosuid,nodev {at(target)}")

    lines.append(f"mount -t tmpfs -o size={DISK},mode=755 none {shlex.quote(str(root))}")
    for folder in SYSTEM:
        if os.path.islink(folder):
            lines.append(f"ln -s {shlex.quote(os.readlink(folder))} {at(folder)}")
        elif os.path.isdir(folder):
            lines.append(f"mkdir -p {at(folder)}")
            bind(folder, folder)
    course = {INSIDE + "/utils": COURSE / "utils", INSIDE + "/data": COURSE / "data"}
    binds = {folder: folder for folder in python_folders()}
    binds |= {inside: folder for inside, folder in course.items() if folder.is_dir()}
    for target, folder in binds.items():
        lines.append(f"mkdir -p {at(target)}")
        bind(folder, target)
    lines.append(f"mkdir -p {at('/etc')} {at('/dev/shm')} {at('/proc')} {at('/tmp')} {at(WORK)}")
    lines.append(f"chmod 1777 {at('/tmp')}")
    for name in ETC:
        if os.path.exists(f"/etc/{name}"):
            kind = "mkdir -p" if os.path.isdir(f"/etc/{name}") else "touch"
            lines.append(f"{kind} {at(f'/etc/{name}')}")
            bind(os.path.realpath(f"/etc/{name}"), f"/etc/{name}")
    for name in DEVICES:
        lines.append(f"touch {at(f'/dev/{name}')}")
        bind(f"/dev/{name}", f"/dev/{name}", writable=True)
    lines.append(f"mount -t tmpfs -o size=64m,mode=1777 none {at('/dev/shm')}")
    lines.append(f"mount -t proc -o nosuid,nodev,noexec proc {at('/proc')}")
    lines.append(f"mkdir -p {at(str(shared))}")
    bind(shared, str(shared), writable=True)
    lines.append(f"cp -R {shlex.quote(str(scratch / 'work'))}/. {at(WORK)}")
    drop = "--no-new-privs --inh-caps=-all --bounding-set=-all"
    if user is not None:
        lines.append(f"chown -R {user}:{user} {at(WORK)}")
        drop += f" --reuid={user} --regid={user} --clear-groups"
    inner = f"cd {WORK}; exec /usr/bin/setpriv {drop} -- {shlex.join(argv)}"
    # Not the last command: the shell stays as process 1, which a kernel cannot be, since process
    # 1 gets no signals. When it ends, all that the kernel has started ends with it.
    lines.append(f"chroot {shlex.quote(str(root))} /bin/sh -c {shlex.quote(inner)} || exit $?")
    lines.append("exit 0")
    return "\n".join(lines)


def _unshare(root_user):
    namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
    users = [] if root_user else ["--user", "--map-root-user"]
    die = ["setpriv", "--pdeathsig", "KILL", "--"]  # with the process that grades
    return [*die, "unshare", *users, *namespaces, "--"]


def start(argv, scratch, shared, isolation, **popen) -> subprocess.Popen:
    """Start `argv` apart from everything.

    Args:
        argv: The program, which finds the same Python at the same path inside.
        scratch: An existing folder, for this process alone; its `work/` is copied to the work
            folder inside.
        shared: An existing folder that is visible, and writable, at the same path inside.
        isolation: From `probe()`.
    """
    scratch, shared = Path(scratch).resolve(), Path(shared).resolve()
    (scratch / "root").mkdir(exist_ok=True)
    (scratch / "work").mkdir(exist_ok=True)
    environment = kernel_environment()
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if isolation.level == LIMITS:
        home = scratch / "work"
        environment["PYTHONPATH"] = str(COURSE)
        user = None
    else:
        home = Path("/tmp")
        user = 200_000 + os.getpid() % 1_000_000 if isolation.level == FULL else None
        environment["PYTHONPATH"] = INSIDE
        if user is not None:
            os.chown(shared, user, user)
        argv = [*_unshare(is_root), "/bin/sh", "-c", _script(argv, scratch, shared, user)]
    environment |= {"HOME": str(home), "USER": "student", "TMPDIR": str(home)}
    return subprocess.Popen(
        argv,
        cwd=scratch / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
        preexec_fn=_limit(user is not None) if os.name == "posix" else None,
        **popen,
    )


def _limit(own_user):
    import resource

    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    if own_user:  # counted for each user: under the teacher's own it would count the desktop's
        limits[resource.RLIMIT_NPROC] = PROCESSES

    def apply():
        for which, value in limits.items():
            hard = resource.getrlimit(which)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))

    return apply


@functools.cache
def probe() -> Isolation:
    """The strongest isolation that works here, found by trying, once."""
    if not sys.platform.startswith("linux"):
        return Isolation(LIMITS, "Isolation needs Linux.")
    missing = [p for p in ("unshare", "setpriv") if not shutil.which(p)]
    if missing:
        return Isolation(LIMITS, f"Isolation needs the program {missing[0]} (util-linux).")
    level = FULL if os.geteuid() == 0 else NAMESPACES
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        shared = Path(folder) / "shared"
        shared.mkdir()
        tried = start(
            [sys.executable, "-c", "import zmq"],
            folder, shared, Isolation(level),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, errors = tried.communicate(timeout=60)
    if tried.returncode == 0:
        return Isolation(level)
    last = (errors.strip().splitlines() or ["no message"])[-1]
    return Isolation(LIMITS, f"This system does not allow it ({last}).")

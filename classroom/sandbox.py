"""Run a program where it can reach nothing that is not its own.

On Linux, bubblewrap gives it a root folder that holds, read-only, the system's programs, this
Python and the course's `utils/` and `data/`, and besides these only an empty work folder in memory.
It has its own process, network and mount namespaces, no capabilities, and a list of system calls
that it may not make (`seccomp`). Started by root it runs under a user of its own, else in a user
namespace. Where that is not to be had, `choose` refuses, unless it was told to go on without.
"""

import contextlib
import functools
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from classroom import bubblewrap, seccomp
from classroom.bubblewrap import COURSE, INSIDE, PYTHON, WORK, WRITABLE

BIN = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
#: Settings of Linux that forbid user namespaces to all but root: the value that does, and another.
NAMESPACES = {
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "10000"),
}
#: Users that no account has (systemd keeps them for its own services).
USERS = range(61184, 65520)

PROCESSES, THREADS, OPEN_FILES, FILE_BYTES = 100, 400, 1024, 128 << 20
SOCKET_BYTES, INODE_BYTES = 400_000, 1024  # what one can hold in the kernel, beyond its contents
START_SECONDS = 30

_started = itertools.count()


class Refused(Exception):
    """Nothing can be isolated here; the message says why, and how that is mended."""


def choose(isolation: str = "", here: bool = True) -> bool:
    """Whether submissions are isolated: always, unless `isolation` is "none".

    Args:
        isolation: What the teacher says.
        here: Whether they run on this machine.

    Raises:
        Refused: They should be, and cannot.
    """
    if isolation not in ("", "none"):
        raise Refused(f"ISOLATION={isolation} is not known: leave it out, or say ISOLATION=none.")
    if isolation == "none" or not here:
        return not isolation
    if reason := why_not():
        raise Refused(
            f"Submissions cannot be kept apart from your files here: {reason} (make grade"
            " ISOLATION=none grades all the same: their code can then read your files and use"
            " the network.)"
        )
    return True


def sentence(isolated: bool) -> str:
    """For the report: what a submission could reach."""
    if not isolated:
        return (
            "WARNING: submissions were NOT isolated (ISOLATION=none): their code could read your"
            " files, solutions included, and use the network."
        )
    user = "a user of its own" if os.geteuid() == 0 else "your own user, without any rights"
    return (
        "Each submission ran without network and without access to any file but its own,"
        f" under {user}."
    )


@functools.cache
def why_not() -> str:
    """Why nothing can be isolated here and how that is mended; "" where it works. Tried once."""
    if not sys.platform.startswith("linux"):
        return "isolation needs Linux."
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed: sudo apt install bubblewrap."
    for folder in (*bubblewrap.SYSTEM, *bubblewrap.python_folders()):
        if COURSE.is_relative_to(folder):
            return f"the course lies in {folder}, which submissions can read: move it elsewhere."
    try:
        with Sandbox([PYTHON, "-c", "import zmq"], stderr=subprocess.PIPE, text=True) as box:
            _, errors = box.process.communicate(timeout=START_SECONDS)
    except (OSError, Refused, subprocess.TimeoutExpired) as error:
        return f"{error}{'' if str(error).endswith('.') else '.'}"
    return "" if box.process.returncode == 0 else _mend(errors)


def _mend(errors):
    """What bubblewrap says, and what helps against it."""
    last = (errors.strip().splitlines() or ["no message"])[-1]
    if "Unknown option" in last:
        return f"bubblewrap is too old ({last}): version 0.8 or newer is needed."
    mend = "in a container, start that with --privileged"
    for name, (forbids, allows) in NAMESPACES.items():
        if _setting(name) == forbids:
            setting = f"{name.replace('/', '.')}={allows}"
            mend = f"grade as root, or allow user namespaces: sudo sysctl {setting}"
    return f"bubblewrap says: {last} ({mend})."


def _setting(name):
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""


def kernel_environment() -> dict[str, str]:
    """A small environment: nothing of the teacher's own, no keys, no addresses."""
    kept = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "TZ")}
    threads = os.environ.get("COURSE_THREADS", "")
    limited = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {
        "LANG": "C.UTF-8",
        **kept,
        **({name: threads for name in limited} if threads else {}),
        "PATH": os.pathsep.join([os.path.dirname(PYTHON), *BIN]),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        "NBGRADER_EXECUTION": "autograde",
        "USER": "student",
    }


class Sandbox(contextlib.AbstractContextManager):
    """A running program, and all that it starts; `with` ends it.

    Args:
        argv: The program, such as `[PYTHON, "-m", …]`.
        files: What lies in its work folder, where it starts: {relative name: content}.
        isolated: False leaves only the limits.
        memory_gb: What `over` allows.
        popen: For `subprocess.Popen`, such as `stdout`.

    Raises:
        Refused: It did not start.
        OSError: bubblewrap or libseccomp is missing.
    """

    def __init__(self, argv, files=None, isolated=True, memory_gb=3.0, **popen):
        self.isolated, self.memory_gb = isolated, memory_gb
        self.process, self._init, self._looked = None, 0, 0.0
        self._folder = self._lifeline = None
        popen = {"stdin": subprocess.DEVNULL} | popen
        try:
            start = self._start_isolated if isolated else self._start_limited
            start(list(argv), files or {}, popen)
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *_):
        self.kill()

    def _start_isolated(self, argv, files, popen):
        user = USERS[(os.getpid() * 4 + next(_started)) % len(USERS)] if os.geteuid() == 0 else None
        rules, told = seccomp.write_filter(), tempfile.TemporaryFile()
        open_files = [rules, told]
        placed = []
        for name, content in files.items():
            held = tempfile.TemporaryFile()
            held.write(content)
            held.seek(0)
            open_files.append(held)
            placed += bubblewrap.folders(f"{WORK}/{name}", "0777", within=WORK)
            placed += ["--perms", "0666", "--file", str(held.fileno()), f"{WORK}/{name}"]
        heard, info = os.pipe()
        options = bubblewrap.options(user, placed)
        options += ["--seccomp", str(rules.fileno()), "--info-fd", str(info)]
        # In a file, since the command line can be read inside.
        told.write("\0".join(options).encode(errors="surrogateescape"))
        told.seek(0)
        inner = ["/usr/bin/prlimit", f"--nproc={THREADS}", "--"]  # counted for each namespace
        if user is not None:
            inner = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                     "--inh-caps=-all", "--", *inner]  # fmt: skip
        group = _control_group(self.memory_gb)
        environment = kernel_environment() | {"PYTHONPATH": INSIDE, "HOME": "/tmp"}
        try:
            self.process = subprocess.Popen(
                [*group, shutil.which("bwrap") or "bwrap",
                 "--args", str(told.fileno()), *inner, *argv],
                cwd="/", env=environment | (_of_systemd() if group else {}),
                pass_fds=[info, *(held.fileno() for held in open_files)],
                start_new_session=True, preexec_fn=_limit, **popen,
            )  # fmt: skip
        finally:
            os.close(info)
            for held in open_files:
                held.close()
        with open(heard) as channel:
            text = channel.read()
        self._init = json.loads(text)["child-pid"] if text else 0
        # Until then the paths of `outside` would be those of this system.
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and not _has_own_root(self._init):
            if time.monotonic() > deadline:
                raise Refused(f"bubblewrap did not start within {START_SECONDS} seconds.")
            time.sleep(0.005)

    def _start_limited(self, argv, files, popen):
        self._folder = Path(tempfile.mkdtemp(prefix="course-")).resolve()
        for name, content in files.items():
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(content)
        own = dict.fromkeys(("HOME", "TMPDIR"), str(self._folder))
        environment = kernel_environment() | own | {"PYTHONPATH": str(COURSE)}
        lifeline, self._lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                [PYTHON, str(Path(__file__).with_name("supervise.py")), str(lifeline), *argv],
                cwd=self._folder, env=environment, pass_fds=[lifeline],
                start_new_session=True, preexec_fn=_limit, **popen,
            )  # fmt: skip
        finally:
            os.close(lifeline)

    def outside(self, name: str) -> Path:
        """The path from outside of a file in the work folder."""
        if self.isolated:
            return Path(f"/proc/{self._init}/root{WORK}", name)
        return self._folder / name

    def interrupt(self):
        """Send SIGINT to the program."""
        if not self.isolated:
            self.process.send_signal(signal.SIGINT)  # passed on by the supervisor
            return
        with contextlib.suppress(OSError):  # it has just ended
            children = Path(f"/proc/{self._init}/task/{self._init}/children").read_text()
            for child in children.split():
                if _status(child).get("NSpid", "").split()[-1:] == ["2"]:
                    os.kill(int(child), signal.SIGINT)

    def over(self) -> str:
        """Which limit on memory or processes is passed, in words, or "".

        Memory is what is really used: a page that several processes share counts once.
        """
        if time.monotonic() < self._looked + 0.1:
            return ""
        processes = self._processes()
        if len(processes) > PROCESSES:
            return f"started more than {PROCESSES} processes"
        held = self._held_elsewhere() + sum(_swap_and_tables(process) for process in processes)
        for measure in ("rss", "pss"):  # the second counts shared pages once, and takes longer
            used = held + sum(_memory(process, measure) for process in processes)
            self._looked = time.monotonic()
            if used <= self.memory_gb * 1e9:
                return ""
        return f"used more than {self.memory_gb:g} GB of memory"

    def _processes(self):
        try:
            root = psutil.Process(self._init if self.isolated else self.process.pid)
            return root.children(recursive=True)
        except psutil.Error:
            return []

    def _held_elsewhere(self):
        """Bytes in files, in the names of files and in sockets, as far as they are its own."""
        if not self.isolated:
            return 0
        used = 0
        for place in WRITABLE:
            try:
                disk = os.statvfs(f"/proc/{self._init}/root{place}")
            except OSError:
                continue
            used += (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            used += (disk.f_files - disk.f_ffree) * INODE_BYTES
        try:
            words = Path(f"/proc/{self._init}/net/sockstat").read_text().split()
            used += int(words[words.index("used") + 1]) * SOCKET_BYTES
        except (OSError, ValueError):
            pass
        return used

    def kill(self):
        """End everything that runs inside, at once, and wait until it has ended."""
        if self._lifeline:
            os.close(self._lifeline)  # the supervisor ends the others, then itself
        elif self.process and self.process.poll() is None:
            os.kill(self._init or self.process.pid, signal.SIGKILL)  # and its namespace with it
        if self.process:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._lifeline = None


@functools.cache
def _control_group(memory_gb):
    """The beginning of a command that runs in a control group of its own; [] without systemd.

    It ends at once what `over` would see a tenth of a second later.
    """
    command = [shutil.which("systemd-run") or "", *(["--user"] if os.geteuid() else []),
               "--scope", "--quiet", "--collect", "--property=MemorySwapMax=0",
               f"--property=MemoryMax={int(1.1e9 * memory_gb)}",
               f"--property=TasksMax={THREADS}", "--"]  # fmt: skip
    with tempfile.TemporaryFile() as told:  # descriptors and bubblewrap have to survive it
        told.write(b"--ro-bind\0/\0/")
        told.seek(0)
        trial = [*command, "bwrap", "--args", str(told.fileno()), "true"]
        pipes = {"capture_output": True, "pass_fds": [told.fileno()]}
        try:
            tried = subprocess.run(trial, timeout=START_SECONDS, **pipes)
        except (OSError, subprocess.TimeoutExpired):
            return []
    forget = [word for name in _of_systemd() for word in ("-u", name)]
    return [*command, "env", *forget] if tried.returncode == 0 else []


def _of_systemd():
    """Where a user's systemd is found, which a submission need not know."""
    names = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    return {name: os.environ[name] for name in names if name in os.environ}


def _limit():
    """For the new process, before it starts the program."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for which, value in limits.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it


def _has_own_root(process):
    try:
        own = not os.path.samefile(f"/proc/{process}/root", "/")
        return own and os.path.isdir(f"/proc/{process}/root{WORK}")
    except OSError:
        return False


def _memory(process, measure):
    try:
        info = process.memory_info() if measure == "rss" else process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(info, measure, info.rss)


def _status(process):
    """The lines of /proc/<process>/status, by name."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _swap_and_tables(process):
    status = _status(process.pid)
    return sum(1024 * int(status.get(name, "0").split()[0]) for name in ("VmSwap", "VmPTE"))

"""What a submission could try, from inside: prints as JSON what each attempt came to.

Run in the sandbox by test_sandbox.py with facts of the host in facts.json. An attempt returns what
it has got hold of, so that an empty value, or an error of the system, is what is wanted.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import pty
import resource
import signal
import socket
import struct
import sys
import termios
from pathlib import Path

FACTS = json.loads(Path("facts.json").read_text())
LIBC = ctypes.CDLL(None, use_errno=True)
ATTEMPTS = []


def attempt(function):
    """Register an attempt."""
    ATTEMPTS.append(function)
    return function


def system_call(number, *arguments):
    """Make a system call; returns its result, or the error's name."""
    words = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *words)
    return result if result >= 0 else errno.errorcode.get(ctypes.get_errno(), "?")


def can(function, *arguments):
    """Whether a call succeeds."""
    try:
        function(*arguments)
    except OSError:
        return False
    return True


def in_a_child(function):
    """Run in a fork; returns the signal that ended it, or what it exited with."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            os._exit(function() or 0)
        except OSError:
            os._exit(99)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return os.WEXITSTATUS(status)


@attempt
def denied_calls():
    """System calls that must be refused by the filter, whatever their arguments."""
    return {
        name: result
        for name, number in FACTS["calls"].items()
        if (result := system_call(number, 0, 0, 0, 0, 0, 0)) != "EPERM"
    }


@attempt
def namespaces_by_clone():
    flags = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    got = [hex(f) for f in flags if system_call(FACTS["clone"], f | 17, 0, 0, 0, 0) != "EPERM"]
    return got + [r for r in [system_call(FACTS["clone3"], 0, 0)] if r != "ENOSYS"]


@attempt
def families_of_sockets():
    got = []
    for family in range(64):
        if family not in (socket.AF_UNIX, socket.AF_INET):
            got += [family for kind in (1, 2, 3, 5) if can(socket.socket, family, kind)]
    return got


@attempt
def families_with_high_bits():
    number = FACTS["socket"]
    return [f for f in (10, 16, 40) if system_call(number, f | 1 << 32, 2, 0) != "ENOTSUP"]


@attempt
def raw_sockets():
    return [p for p in (1, 6, 17, 255) if can(socket.socket, socket.AF_INET, socket.SOCK_RAW, p)]


@attempt
def loopback_of_the_host():
    return can(socket.create_connection, ("127.0.0.1", FACTS["tcp"]), 1)


@attempt
def datagrams_to_the_host():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return [a for a in FACTS["addresses"] if can(sender.sendto, b"x", (a, FACTS["udp"]))]


@attempt
def sockets_of_the_host_by_name():
    got = []
    for name in FACTS["unix"], "\0" + FACTS["abstract"]:
        with socket.socket(socket.AF_UNIX) as sender:
            if can(sender.connect, name):
                got.append(name)
    return got


@attempt
def files_of_the_host():
    return [path for path in FACTS["hidden"] if os.path.lexists(path)]


@attempt
def files_through_other_roots():
    processes = [p for p in os.listdir("/proc") if p.isdigit()]
    ways = [f"/proc/{p}/{way}" for p in processes for way in ("root", "cwd", "fd/3/..")]
    return [w + path for w in ways for path in FACTS["hidden"] if os.path.lexists(w + path)]


@attempt
def files_by_handle():
    """The way out of old Docker containers: any inode of a file system, by its number."""
    folder = os.open("/usr", os.O_RDONLY)
    got = LIBC.open_by_handle_at(folder, struct.pack("Iiq", 8, 1, 2), 0)
    os.close(folder)
    return got if got >= 0 else ""


@attempt
def words_of_the_host_in_proc():
    """Command lines, environments and names of mounts."""
    got = []
    for name in ("cmdline", "environ", "mountinfo", "mounts", "comm", "cgroup", "maps"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                text = path.read_bytes().decode(errors="replace")
            except OSError:
                continue
            got += [(str(path), secret) for secret in FACTS["secrets"] if secret in text]
    return got


@attempt
def environment_of_the_teacher():
    return [name for name in os.environ if name == FACTS["variable"]]


@attempt
def processes_of_the_host():
    return [p for p in os.listdir("/proc") if p.isdigit() and int(p) > 100]


@attempt
def signals_to_the_host():
    return [p for p in FACTS["processes"] if can(os.kill, p, 0)]


@attempt
def ending_process_one():
    can(os.kill, 1, signal.SIGKILL)
    return ""  # to have been able to print it is the proof


@attempt
def namespaces_shared_with_the_host():
    return [n for n, own in FACTS["namespaces"].items() if os.readlink(f"/proc/self/ns/{n}") == own]


@attempt
def rights():
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    got = [s for s in ("CapPrm", "CapEff", "CapAmb", "CapInh") if int(status[s], 16)]
    return got + [s for s, want in (("NoNewPrivs", "1"), ("Seccomp", "2")) if status[s] != want]


@attempt
def becoming_another():
    calls = [(os.setuid, 0), (os.setgid, 0), (os.setgroups, [0]), (os.seteuid, 65534)]
    return [call.__name__ for call, user in calls if can(call, user)]


@attempt
def programs_with_rights():
    """A program with the set-user-ID bit, and bubblewrap once more."""
    tries = ["su -c true", "sudo -n true", "mount -t tmpfs none /tmp", "unshare -r true",
             "bwrap --ro-bind / / true", "chroot / true", "hostname x"]  # fmt: skip
    return [t for t in tries if os.system(f"{t} >/dev/null 2>&1 </dev/null") == 0]


@attempt
def writing_outside():
    folders = ["/", "/usr", "/usr/lib", "/etc", "/dev", "/dev/pts", "/proc", "/proc/sys/kernel",
               "/course", "/course/utils", "/course/data", sys.prefix, sys.base_prefix,
               os.path.dirname(json.__file__)]  # fmt: skip
    return [f for f in folders if can(Path(f, "made-by-a-student").write_text, "x")]


@attempt
def changing_what_is_there():
    utils = "/course/utils/__init__.py"
    calls = [(os.remove, utils), (os.chmod, utils, 0o777), (os.rename, utils, utils + "x"),
             (os.link, utils, "linked"), (os.truncate, utils, 0), (os.utime, utils),
             (os.truncate, json.__file__, 0), (os.chmod, "/usr", 0o777)]  # fmt: skip
    return [(call.__name__, *rest) for call, *rest in calls if can(call, *rest)]


@attempt
def settings_of_the_kernel():
    got = []
    for folder in ("/proc/sys", "/proc/irq", "/proc/bus"):
        for path in Path(folder).rglob("*"):
            try:
                if path.is_file() and os.access(path, os.W_OK):
                    path.write_bytes(path.read_bytes())
                    got.append(str(path))
            except OSError:
                continue
    names = ("/proc/sysrq-trigger", "/proc/self/uid_map", "/proc/kcore", "/proc/self/setgroups")
    return got + [name for name in names if can(Path(name).write_text, "0 0 1")]


@attempt
def devices():
    known = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "core",
             "stdin", "stdout", "stderr", "console", "mqueue"}  # fmt: skip
    made = [n for n in (0o020666, 0o060666) if can(os.mknod, f"/tmp/node{n}", n, 0x0101)]
    opened = [p for p in ("/dev/tty", "/dev/console", "/dev/core") if can(os.open, p, os.O_RDWR)]
    return made + opened + sorted(set(os.listdir("/dev")) - known)


@attempt
def keyrings():
    return Path("/proc/keys").read_text() + Path("/proc/key-users").read_text()


@attempt
def descriptors_from_before():
    links = {}
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            links[int(descriptor)] = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
    return {d: link for d, link in links.items() if d > 2 and "/proc/" not in link}


@attempt
def typing_into_a_terminal():
    """TIOCSTI and TIOCLINUX, also with bits above the 32 that the kernel looks at."""

    def type_in(request):
        os.setsid()
        _, other = os.openpty()
        fcntl.ioctl(other, termios.TIOCSCTTY, 0)
        result = system_call(FACTS["ioctl"], other, request, b"x")
        return 0 if result == "EPERM" else 98

    requests = [r | high for r in (0x5412, 0x541C) for high in (0, 1 << 32)]
    return [hex(r) for r in requests if in_a_child(lambda r=r: type_in(r))]


@attempt
def a_terminal_of_its_own():
    """What `!command` needs: here nothing is got hold of if it works."""
    return "" if pty.spawn(["/bin/true"]) == 0 else "no terminal"


@attempt
def calls_of_another_architecture():
    """32-bit system calls, whose numbers mean something else: a filter could miss them."""
    if platform.machine() != "x86_64":
        return ""

    def old_call():
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(bytes.fromhex("53b814000000cd805bc3"))  # getpid by int 0x80
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        return 0 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0 else 98

    def x32():
        return 0 if isinstance(system_call(0x40000000 | 39), int) else 98

    ended = {"i386": in_a_child(old_call), "x32": in_a_child(x32)}
    return {name: how for name, how in ended.items() if how not in ("SIGSYS", "SIGSEGV", 98)}


@attempt
def raising_limits():
    got = [str(n) for n in (-1, -20) if can(os.setpriority, os.PRIO_PROCESS, 0, n)]
    for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        hard = resource.getrlimit(limit)[1]
        try:
            resource.setrlimit(limit, (hard + 1, hard + 1))
            got.append(str(limit))
        except (OSError, ValueError):
            continue
    return got


@attempt
def names_of_the_host():
    return [name for name in (socket.gethostname(), platform.node()) if name == FACTS["host"]]


if __name__ == "__main__":
    found = {}
    for function in ATTEMPTS:
        try:
            found[function.__name__] = function()
        except OSError as error:
            found[function.__name__] = ""
            print(f"{function.__name__}: {error}", file=sys.stderr)
    print("\n" + json.dumps(found))

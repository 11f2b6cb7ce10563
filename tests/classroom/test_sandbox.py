"""What a submission can reach, tried from inside, and how much it may use."""

import ctypes
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from classroom import sandbox, seccomp
from conftest import needs_isolation

HERE = Path(__file__).parent
ANOTHER = 65534


def run(code, seconds=30, **options):
    """Run Python code in a sandbox; returns what it prints and its exit status."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with sandbox.Sandbox([sandbox.PYTHON, "-c", code], **pipes, **options) as box:
        out, _ = box.process.communicate(timeout=seconds)
    return out, box.process.returncode


def started(code, **options):
    """A sandbox in which Python code has begun and has printed a line; returns both."""
    options = {"stdout": subprocess.PIPE, "text": True} | options
    box = sandbox.Sandbox([sandbox.PYTHON, "-c", code], **options)
    line = box.process.stdout.readline().strip()
    return box, line


def is_over(box, seconds=10):
    """The first limit that a sandbox passes within this time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if reason := box.over():
            return reason
        time.sleep(0.05)
    return ""


def is_gone(mark, seconds=5):
    """Whether no process has this text in its command line, after at most some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(mark in " ".join(p.info["cmdline"] or []) for p in
                   psutil.process_iter(["cmdline"])):  # fmt: skip
            return True
        time.sleep(0.05)
    return False


both = pytest.mark.parametrize(
    "isolated", [pytest.param(True, marks=needs_isolation), False], ids=["isolated", "limits"]
)


# What can be reached

#: What must be refused, apart from how `seccomp` puts it.
DENIED = """
    add_key keyctl request_key bpf perf_event_open userfaultfd io_uring_setup memfd_create
    memfd_secret mount umount2 pivot_root chroot unshare setns open_tree move_mount fsopen
    mount_setattr ptrace process_vm_readv process_vm_writev pidfd_getfd open_by_handle_at
    name_to_handle_at shmget msgget mq_open syslog quotactl reboot kexec_load init_module
    finit_module swapon acct settimeofday clock_settime personality fanotify_init kcmp
"""


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """What attacks.py got hold of."""
    folder = tmp_path_factory.mktemp("class")
    secret = folder / "gradebook.db"
    secret.write_text("marks")
    os.environ["COURSE_TEST_SECRET"] = "the teacher's key"
    library = ctypes.CDLL("libseccomp.so.2")

    def number(name):
        return library.seccomp_syscall_resolve_name(name.encode())

    calls = {name: number(name) for name in (*DENIED.split(), *seccomp.DENIED.split())}
    calls = {name: n for name, n in calls.items() if n >= 0}
    calls |= {str(n): n for n in seccomp.DENIED_NUMBERS}
    hidden = [secret, folder, sandbox.COURSE / "assignments", sandbox.COURSE / "classroom"]
    hidden += ["/etc/passwd", "/etc/shadow", "/etc/hostname", "/home", "/var", "/run", "/mnt"]
    hidden += ["/sys", "/boot", "/root/.ssh", "/etc/machine-id", "/run/docker.sock"]
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    named, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    named.bind(str(folder / "socket"))
    abstract.bind(f"\0course-{os.getpid()}")
    listeners = [tcp, named, abstract]
    for listener in listeners[1:]:
        listener.listen()
    facts = {
        "calls": calls,
        **{name: number(name) for name in ("clone", "clone3", "socket", "ioctl")},
        "tcp": tcp.getsockname()[1],
        "udp": udp.getsockname()[1],
        "addresses": ["10.0.0.1", "192.0.2.1", "255.255.255.255"],
        "unix": str(folder / "socket"),
        "abstract": f"course-{os.getpid()}",
        "hidden": [str(path) for path in hidden],
        "secrets": [str(folder), str(sandbox.COURSE / "classroom"), "the teacher's key"],
        "variable": "COURSE_TEST_SECRET",
        "processes": [p for p in (os.getpid(), os.getppid()) if p > 100],
        "namespaces": {
            name: os.readlink(f"/proc/self/ns/{name}")
            for name in ("mnt", "pid", "net", "ipc", "uts", "cgroup")
        },
        "host": socket.gethostname(),
    }
    files = {"facts.json": json.dumps(facts).encode()}
    out, _ = run((HERE / "attacks.py").read_text(), files=files, seconds=60)
    for listener in [*listeners, udp]:
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(1) if listener is udp else listener.accept()
        listener.close()
    del os.environ["COURSE_TEST_SECRET"]
    return json.loads(out.splitlines()[-1])


@needs_isolation
def test_no_attempt_from_inside_gets_hold_of_anything(attempts):
    assert len(attempts) >= 30
    assert {name: got for name, got in attempts.items() if got} == {}


@needs_isolation
def test_a_program_finds_what_it_needs():
    code = (
        "import os, socket, zmq, utils, tempfile\n"
        "print(os.getcwd(), open('a/b.txt').read(), sorted(os.listdir('/course')))\n"
        "open('a/new.txt', 'w').write('x'); tempfile.TemporaryFile().write(b'x')\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "import multiprocessing\n"
        "print(multiprocessing.Pool(2).map(abs, [-1, -2]))"
    )
    out, status = run(code, files={"a/b.txt": b"given"})
    inside = [name for name in ("data", "utils") if (sandbox.COURSE / name).is_dir()]
    assert out == f"/course/work given {[*inside, 'work']}\n[1, 2]\n" and status == 0


@needs_isolation
def test_what_runs_inside_is_reached_from_outside():
    listen = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('k'); s.listen()"
    box, line = started(f"{listen}; print('!', flush=True); s.accept()[0].send(b'hello')")
    with box, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(box.outside("k")))
        assert (line, caller.recv(10)) == ("!", b"hello")


# Limits


GB = "import mmap, os, sys, time\n"


@both
def test_memory_is_limited(isolated):
    code = GB + "x = bytearray(1) * 400_000_000; print('x', flush=True); time.sleep(60)"
    box, _ = started(code, isolated=isolated, memory_gb=0.3)
    with box:
        assert is_over(box) == "used more than 0.3 GB of memory"


@both
def test_memory_that_processes_share_counts_once(isolated):
    code = GB + (
        "x = bytearray(1) * 200_000_000\n"
        "for _ in range(6):\n    if not os.fork(): time.sleep(60)\n"
        "print('x', flush=True); time.sleep(60)"
    )
    box, _ = started(code, isolated=isolated, memory_gb=0.5)
    with box:
        assert not is_over(box, 1)
        box.memory_gb = 0.2
        assert is_over(box) == "used more than 0.2 GB of memory"


@both
def test_memory_of_all_processes_is_added_up(isolated):
    code = GB + (
        "for _ in range(4):\n"
        "    if not os.fork(): x = bytearray(1) * 100_000_000; time.sleep(60)\n"
        "print('x', flush=True); time.sleep(60)"
    )
    box, _ = started(code, isolated=isolated, memory_gb=0.3)
    with box:
        assert is_over(box) == "used more than 0.3 GB of memory"


HIDDEN = {
    "files in memory": "open('/dev/shm/a', 'wb').write(bytes(60_000_000))\n"
    "open('/tmp/a', 'wb').write(bytes(100_000_000))",
    "a deleted file": "f = open('a', 'wb', 0); os.remove('a'); f.write(bytes(120_000_000))",
    "names of files": "for i in range(150_000): os.mknod(f'/tmp/{i}')",
    "tables of pages": "m = mmap.mmap(-1, 1 << 46, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS |"
    " 0x4000, prot=mmap.PROT_READ)\nfor i in range(40_000): m[i << 21]",
    "sockets": "import socket\nkept = [socket.socketpair() for _ in range(400)]",
}


@needs_isolation
@pytest.mark.parametrize("way", HIDDEN)
def test_memory_that_no_process_shows_counts(way):
    code = f"{GB}{HIDDEN[way]}\nprint('x', flush=True); time.sleep(60)"
    box, line = started(code, memory_gb=0.12)
    with box:
        assert line == "x"
        assert is_over(box) == "used more than 0.12 GB of memory"


@needs_isolation
def test_every_folder_that_can_be_written_has_an_end():
    code = (
        "import os\n"
        "total = 0\n"
        "for folder in ('/course/work', '/tmp', '/dev/shm', '/dev', '/', '/course', '/dev/pts'):\n"
        "    for i in range(9):\n"
        "        try:\n"
        "            with open(f'{folder}/{i}', 'wb', 0) as f:\n"
        "                while n := f.write(bytes(10_000_000)): total += n\n"
        "        except OSError as error: pass\n"
        "print(total // 1_000_000)"
    )
    out, _ = run("import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + code)
    assert int(out) == pytest.approx(sum(sandbox.WRITABLE.values()) / 1e6, rel=0.05)


@needs_isolation
def test_a_fork_bomb_is_counted_and_ends():
    bomb = "import os, sys, time\nprint('x', flush=True)\nwhile True:\n    try: os.fork()\n"
    box, _ = started(f"{bomb}    except OSError: time.sleep(0.01)  # sandbox-test-bomb")
    with box:
        assert is_over(box).startswith("started more than")
        count = len(box._processes())
        assert count <= sandbox.THREADS
    assert is_gone("sandbox-test-bomb", 0.5)


DAEMON = """
import os, signal, sys, time
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP): signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork(): break
    os.setsid()
else:
    os.closerange(0, 9)
    time.sleep(1 / 8)
    os.execv(sys.executable, [sys.executable, "-c", "import time; x = bytearray(1) * 100_000_000;"
                              "time.sleep(60)", "sandbox-test-daemon"])
print("x", flush=True)
"""


@both
def test_a_process_that_detaches_itself_is_counted_and_ends(isolated):
    code = f"{DAEMON}time.sleep(60)"
    box, _ = started(code, isolated=isolated, memory_gb=0.09)
    with box:
        assert is_over(box) == "used more than 0.09 GB of memory"
        assert not is_gone("sandbox-test-daemon", 0.1)
    assert is_gone("sandbox-test-daemon", 0.5)


@both
def test_a_detached_process_ends_with_its_program(isolated):
    box, _ = started(DAEMON, isolated=isolated)
    with box:
        box.process.wait(10)
        assert is_gone("sandbox-test-daemon", 2)


@both
def test_nothing_outlives_the_grader(isolated):
    code = (
        "import sys, time\nfrom classroom import sandbox\n"
        f"box = sandbox.Sandbox([sandbox.PYTHON, '-c', {DAEMON!r} + 'time.sleep(60)'],"
        f" isolated={isolated})\n"
        "time.sleep(60)"
    )
    grader = subprocess.Popen([sys.executable, "-c", code], cwd=sandbox.COURSE,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert grader.stdout.readline() == "x\n"
    time.sleep(0.5)
    assert not is_gone("sandbox-test-daemon", 0.1)
    grader.kill()
    grader.wait()
    assert is_gone("sandbox-test-daemon", 3)


@both
def test_an_interrupt_reaches_the_program_alone(isolated):
    code = (
        "import time\ntry:\n    print('x', flush=True); time.sleep(60)\nexcept KeyboardInterrupt:"
    )
    box, _ = started(f"{code} print('interrupted', flush=True)\ntime.sleep(60)", isolated=isolated)
    with box:
        box.interrupt()
        assert box.process.stdout.readline() == "interrupted\n"
        assert box.process.poll() is None


@both
def test_a_file_is_limited(isolated):
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    out, _ = run(code + "open('a', 'wb').write(bytes(200 << 20))", isolated=isolated)
    assert "File too large" in out


@needs_isolation
@pytest.mark.parametrize("keeps_descriptors", [True, False])
def test_systemd_holds_the_limits_where_it_can(monkeypatch, tmp_path, keeps_descriptors):
    """With a stand-in for systemd-run, since there is no systemd where tests run."""
    program = tmp_path / "systemd-run"
    close = "" if keeps_descriptors else 'for d in {3..99}; do eval "exec $d>&-"; done'
    program.write_text(
        f'#!/bin/bash\necho "$@" >> {tmp_path}/told\n{close}\n'
        'while [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    sandbox._control_group.cache_clear()
    try:
        out, status = run("import os; print(os.environ.get('XDG_RUNTIME_DIR'))", memory_gb=2)
    finally:
        sandbox._control_group.cache_clear()
    assert (out, status) == ("None\n", 0)
    calls = (tmp_path / "told").read_text().splitlines()
    assert len(calls) == 1 + keeps_descriptors  # the trial, and the program
    assert "MemoryMax=2200000000" in calls[0] and ("--user" in calls[0]) == bool(os.geteuid())


# As a teacher without root


def _opened(folders):
    """bubblewrap's options that let others into folders that lie in closed ones, such as /root."""
    folders = [Path(os.path.realpath(folder)) for folder in folders]
    closed = {p for f in folders for p in f.parents if not p.stat().st_mode & 0o001}
    options = []
    for folder in sorted(closed):
        options += ["--perms", "0755", "--tmpfs", str(folder)]
    for folder in folders:
        if closed.intersection(folder.parents):
            for parent in reversed(folder.parents):
                if closed.intersection(parent.parents):
                    options += ["--perms", "0755", "--dir", str(parent)]
            options += ["--ro-bind", str(folder), str(folder)]
    return options


@needs_isolation
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is that of a teacher without root")
def test_all_of_this_as_a_teacher_without_root(tmp_path):
    """These tests again as another user, to whom closed folders such as /root are opened."""
    os.chmod(tmp_path, 0o1777)
    world = ["bwrap", "--dev-bind", "/", "/", "--bind", str(tmp_path), "/tmp"]
    world += _opened([sys.prefix, sys.base_prefix, sandbox.COURSE])
    user = ["setpriv", f"--reuid={ANOTHER}", f"--regid={ANOTHER}", "--clear-groups"]
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    tests += [__file__, str(HERE / "test_refusal.py")]
    argv = [*world, "--", *user, "--", *tests]
    environment = os.environ | {"COURSE_REQUIRE_ISOLATION": "1", "TMPDIR": "/tmp",
                                "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}  # fmt: skip
    done = subprocess.run(argv, cwd=sandbox.COURSE, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "1 skipped" in done.stdout and " passed" in done.stdout, done.stdout[-2000:]

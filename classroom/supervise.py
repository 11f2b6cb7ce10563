"""Start a program and end all that it has started, when it ends or when nobody waits for it.

python supervise.py <descriptor> program …

The descriptor is the reading end of a pipe whose writing end the caller holds: it is closed when
the caller is done, or gone. On Linux processes that detach themselves come back to this one; on
other systems they are lost from sight. It holds against mistakes, not against a program that
looks for this process and ends it: that is what the sandbox is for.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

import psutil

BECOME_SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER


def main(lifeline, argv):
    """Run `argv` until it ends or `lifeline` is closed; returns its exit status."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(BECOME_SUBREAPER, 1, 0, 0, 0)
    program = subprocess.Popen(argv)
    signal.signal(signal.SIGINT, lambda *_: program.send_signal(signal.SIGINT))
    while program.poll() is None and not select.select([lifeline], [], [], 0.05)[0]:
        pass
    me = psutil.Process()
    while children := me.children(recursive=True):
        for child in children:
            try:
                child.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(children, timeout=1)
    return program.wait()


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[1]), False)
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]) & 0xFF)

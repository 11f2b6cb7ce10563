"""Call functions in a process of its own, with limits on time and memory.

Reading, rebuilding and rendering what a student handed in may take any time and memory: it takes
those of the child, which is ended and replaced.
"""

import contextlib
import multiprocessing
import signal

try:
    import resource
except ModuleNotFoundError:  # not Linux, not macOS
    resource = None

SECONDS = 20  # of the processor's time, for one call
WAIT = 15  # times that, by the clock: the machine may have other things to do
MEMORY_GB = 2.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["classroom.rebuild", "classroom.feedback", "__main__"])


class Failed(Exception):
    """A call in the child came to nothing; the message says why, for the report."""


class Child:
    """A process that calls functions, one after the other. A context: it ends with it."""

    def __init__(self, seconds=SECONDS, memory_gb=MEMORY_GB):
        self.seconds, self.memory_gb = seconds, memory_gb
        self._process = self._pipe = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def call(self, function, *arguments):
        """What `function` returns.

        Raises:
            Failed: It raised an error, or went beyond a limit.
        """
        if self._process is None:
            self._pipe, other = _context.Pipe()
            limits = (self.seconds, self.memory_gb)
            self._process = _context.Process(target=_serve, args=(other, *limits), daemon=True)
            self._process.start()
            other.close()
        try:
            self._pipe.send((function, arguments))
            if not self._pipe.poll(WAIT * self.seconds):
                raise EOFError
            succeeded, result = self._pipe.recv()
        except (EOFError, OSError):
            self._end()
            raise Failed(f"took longer than {self.seconds} seconds, or too much memory") from None
        except BaseException:
            self._end()
            raise
        if not succeeded:
            self._end()  # what it left behind may be of any size
            raise Failed(result)
        return result

    def _end(self):
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def _serve(pipe, seconds, memory_gb):
    """Answer calls until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if resource:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (int(memory_gb * 1e9),) * 2)
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = pipe.recv()
            signal.setitimer(signal.ITIMER_PROF, seconds)  # which ends this process
            try:
                result = True, function(*arguments)
            except MemoryError:
                result = False, f"took more than {memory_gb:g} GB of memory"
            except Exception as error:
                result = False, f"{type(error).__name__}: {error}"[:300]
            pipe.send(result)
            signal.setitimer(signal.ITIMER_PROF, 0)

"""What the tests of a Dask cluster run on its workers."""

import os
import time


def work(task):
    """A task's result and who has made it; fails where it is told to."""
    time.sleep(task["seconds"])
    return {"twice": 2 * task["number"], "worker": os.getpid()}


def version():
    """The same everywhere."""
    return "1"


def own_version():
    """Another one on each machine."""
    return str(os.getpid())


def cannot():
    """A machine on which nothing can be isolated."""
    return "bubblewrap is not installed."

"""Imports TensorFlow and Keras without the messages that they write while starting."""

import contextlib
import os
import sys
import warnings

PYTHONS = ((3, 11), (3, 13))


@contextlib.contextmanager
def silent_stderr():
    """Point file descriptor 2 at the null device, since C++ code writes there directly.

    What Python itself writes to `sys.stderr` in a notebook does not pass through the descriptor,
    and exceptions surface as usual.
    """
    try:
        saved = os.dup(2)
    except OSError:  # a process without standard error has nothing to silence
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def load_tensorflow():
    """Import tensorflow and keras, and let TensorFlow look for devices, in silence.

    Log lines below ERROR stay away afterwards too, unless TF_CPP_MIN_LOG_LEVEL is set. Keras has
    its default settings, whatever the reader's keras.json holds. A package that is missing ends in
    one sentence.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with silent_stderr(), _default_settings(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import keras  # noqa: F401
            import tensorflow

            tensorflow.config.list_physical_devices()  # the search for a GPU writes messages too
    except ModuleNotFoundError as error:
        raise SystemExit(_missing(str(error.name).partition(".")[0])) from error


@contextlib.contextmanager
def _default_settings():
    """Let Keras start with TensorFlow and its defaults: in a home of its own, without limits.

    An old keras.json may put the channels first, which convolutions on a CPU cannot do.
    """
    home = os.environ.get("KERAS_HOME")
    folder = home or os.path.join(os.path.expanduser("~"), ".keras")
    os.environ |= {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.path.join(folder, "course")}
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        del os.environ["KERAS_HOME"]
        if home is not None:
            os.environ["KERAS_HOME"] = home


def _missing(package: str) -> str:
    """The sentence for a package that is not installed."""
    lowest, highest = (".".join(map(str, version)) for version in PYTHONS)
    python = ".".join(map(str, sys.version_info[:2]))
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return (
            f"This is Python {python}, for which TensorFlow may have no release:"
            f" use Python {lowest} to {highest}, for instance with `make lab`."
        )
    return (
        f"The package {package} is not installed in this Python ({sys.executable}):"
        " start the course with `make lab`, or run `pip install -r requirements.txt`."
    )

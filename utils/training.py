"""Seeds from the environment, and training progress that reads well live and stored."""

import os
import time

import keras
from IPython.display import display

DEFAULT_SEED = 1


def set_seed():
    """Seed Python, NumPy and the backend, and return the seed.

    The seed is the environment's `SEED` or, where that is not set, `DEFAULT_SEED`: `SEED=7 make
    test` runs every notebook under another one. Called before each model, it makes every section
    of a notebook one that a reader can start from.

    Returns:
        The seed, an int from 0 to 2**32 - 1.

    Raises:
        ValueError: `SEED` is not such a number.
    """
    text = os.environ.get("SEED", str(DEFAULT_SEED))
    if not text.strip().isdecimal() or not int(text) < 2**32:
        raise ValueError(f"SEED is {text!r}; set it to a whole number from 0 to 4294967295.")
    seed = int(text)
    keras.utils.set_random_seed(seed)
    return seed


class Progress(keras.callbacks.Callback):
    """A table of the epochs so far, for `fit(..., verbose=0, callbacks=[Progress()])`.

    In Jupyter the table is one output that grows in place, with a bar for the epoch at work;
    stored, it is plain text. Elsewhere a line is printed as each epoch ends.

    Args:
        rows: The most epochs that the table shows; of a longer training it shows some, the last
            among them.
    """

    def __init__(self, rows=20):
        super().__init__()
        self.rows = rows

    def on_train_begin(self, logs=None):
        self._lines, self._header = [], None
        self._start = self._drawn = time.perf_counter()
        self._handle = display(_text("…"), raw=True, display_id=True) if _in_jupyter() else None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._handle is not None and now - self._drawn > 0.3:
            self._drawn = now
            self._show(self._bar(batch + 1, logs or {}))

    def on_epoch_end(self, epoch, logs=None):
        values = {name: value for name, value in (logs or {}).items() if name != "learning_rate"}
        if self._header is None:
            self._header = "  ".join(["epoch", *(f"{name:>9}" for name in values)])
        row = [f"{epoch + 1:5d}"]
        row += [f"{value:>{max(9, len(name))}.4f}" for name, value in values.items()]
        self._lines.append("  ".join(row))
        if self._handle is None:
            if len(self._lines) == 1:
                print(self._header)
            print(self._lines[-1], flush=True)
        else:
            self._show()

    def on_train_end(self, logs=None):
        epochs, seconds = len(self._lines), time.perf_counter() - self._start
        summary = f"{epochs} epoch{'s' if epochs != 1 else ''} in {seconds:.0f} s"
        if self._handle is None:
            print(summary)
        else:
            self._show(summary)

    def _bar(self, done, logs, width=30):
        total = self.params.get("steps")
        line = f"{self._epoch + 1:5d}"
        if total:
            filled = min(width, width * done // total)
            line += "  " + "█" * filled + "░" * (width - filled)
        return line + "".join(f"  {name} {value:.4f}" for name, value in logs.items())

    def _show(self, last_line=""):
        every = -(-len(self._lines) // self.rows) or 1
        shown = self._lines[::-1][::every][::-1]
        lines = [self._header, *shown, last_line]
        self._handle.update(_text("\n".join(line for line in lines if line)), raw=True)


def _text(text):
    return {"text/plain": text}


def _in_jupyter():
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")

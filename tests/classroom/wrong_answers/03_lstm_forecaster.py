"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "window holds its own target": (
        "windows",
        "return inputs, series[length:]",
        "return inputs, series[length - 1 : -1]",
    ),
    "last example forgotten": (
        "windows",
        "count = len(series) - length\n"
        "    inputs = np.stack([series[i : i + length] for i in range(count)])\n"
        "    return inputs, series[length:]",
        "count = len(series) - length - 1\n"
        "    inputs = np.stack([series[i : i + length] for i in range(count)])\n"
        "    return inputs, series[length:-1]",
    ),
    "statistics of all rows": (
        "standardise",
        "known = table[:until]",
        "known = table",
    ),
    "one mean for all columns": (
        "standardise",
        "known.mean(axis=0)) / known.std(axis=0)",
        "known.mean()) / known.std()",
    ),
    "divided by the variance": (
        "standardise",
        "known.std(axis=0)",
        "known.var(axis=0)",
    ),
    "training rows scaled by their own, the rest by theirs": (
        "standardise",
        "return (table - known.mean(axis=0)) / known.std(axis=0)",
        "rest = table[until:]\n"
        "    parts = [(part - part.mean(axis=0)) / part.std(axis=0).clip(1e-9) for "
        "part in (known, rest)]\n"
        "    return np.concatenate(parts)",
    ),
    "gates in another order, i, g, f, o": (
        "lstm_step",
        "z_i, z_f, z_g, z_o = np.split",
        "z_i, z_g, z_f, z_o = np.split",
    ),
    "forget and input gate swapped": (
        "lstm_step",
        "f * c + i * np.tanh(z_g)",
        "i * c + f * np.tanh(z_g)",
    ),
    "no tanh on the way out": (
        "lstm_step",
        "o * np.tanh(c), c",
        "o * c, c",
    ),
    "old h not read": (
        "lstm_step",
        "x @ kernel + h @ recurrent_kernel + bias",
        "x @ kernel + bias",
    ),
    "program copied, not mended": (
        "debug",
        "np.stack([series[i",
        'np.stack([np.convolve(series, np.ones(3) / 3, mode="same")[i',
    ),
    "smoothed over two values, the later one still to come": (
        "debug",
        "np.stack([series[i",
        "np.stack([((series + np.roll(series, -1)) / 2)[i",
    ),
    "no smoothing, but the window moved by one": (
        "debug",
        "np.stack([series[i : i + length]",
        "np.stack([series[i + 1 : i + 1 + length]",
    ),
    "fitted on all values, the test among them": (
        "debug",
        "np.linalg.lstsq(inputs[:train], targets[:train], rcond=None)",
        "np.linalg.lstsq(inputs, targets, rcond=None)",
    ),
    "forecasts nothing": (
        "debug",
        "return inputs @ weights",
        "return 0 * inputs @ weights",
    ),
}

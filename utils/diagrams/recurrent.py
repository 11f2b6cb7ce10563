"""Series: windows over them, and recurrent networks."""

from utils.diagrams.canvas import Canvas


def window(
    series=tuple(range(10)), length=4, horizon=1, shift=1, count=3, highlight=(), texts=None
):
    """Draw windows over a series, and what is to be forecast from each.

    Args:
        series: The values, about ten, written in boxes.
        length: Values in a window, a model's inputs.
        horizon: Values after it that are the target.
        shift: Values from one window's start to the next one's.
        count: Windows drawn.

    Parts: "series", "inputs", "target", "window 1", "window 2", ...
    """
    if (last := (count - 1) * shift + length + horizon) > len(series):
        raise ValueError(f"window() needs a series of {last} values, and got {len(series)}.")
    canvas = Canvas(5.6, 1.2 + 0.45 * count, highlight, texts)
    step, top = 4.55 / len(series), canvas.height - 0.3
    column = [0.95 + step * (number + 0.5) for number in range(len(series))]
    size = 0.9 * step, 0.34
    canvas.label(0.1, top, "series", "series", ha="left")
    for x, value in zip(column, series, strict=True):
        canvas.box(x, top, *size, f"{value}", "series", kind="data")
    for number in range(count):
        y, name = top - 0.6 - 0.45 * number, f"window {number + 1}"
        canvas.label(0.1, y, name, name, ha="left")
        start, middle = number * shift, number * shift + length
        for i in range(start, middle):
            canvas.box(column[i], y, *size, f"{series[i]}", ["inputs", name])
        for i in range(middle, middle + horizon):
            canvas.box(column[i], y, *size, f"{series[i]}", ["target", name], "target")
    left, between, right = (column[i] - step / 2 for i in (start, middle, middle + horizon - 1))
    y -= 0.24
    canvas.bracket(left + 0.04, between - 0.04, y, "inputs", "inputs", above=False)
    canvas.bracket(between + 0.04, right + step - 0.04, y, "target", "target", above=False)
    canvas.show(
        "window",
        f"A series of {len(series)} values, and {count} windows of {length} inputs (window 1 to "
        f"window {count}), each {shift} further on; the target is the next {horizon} of the "
        "series.",
    )


def recurrent(
    inputs=("x₁", "x₂", "x₃", "x₄"), layers=("LSTM",), output="ŷ", highlight=(), texts=None
):
    """Draw a recurrent network step by step, its answer taken from the last step.

    Args:
        inputs: What enters at each step.
        layers: Names of the recurrent layers, the lowest first.
        output: What the dense layer on top returns.

    Parts: "inputs", the names of the layers, "states", "output".
    """
    canvas = Canvas(5.6, 2.1 + 0.8 * len(layers), highlight, texts)
    step = 5.4 / len(inputs)
    columns = [0.1 + step * (number + 0.5) for number in range(len(inputs))]
    width = 0.6 * step
    for number, x in enumerate(columns):
        below = canvas.box(x, 0.3, width, 0.36, inputs[number], "inputs", "data")
        for depth, name in enumerate(layers):
            y = 1.05 + 0.8 * depth
            canvas.arrow(below.top, (x, y - 0.2), part="inputs" if depth == 0 else None)
            below = canvas.box(x, y, width, 0.4, name, name)
            if number < len(inputs) - 1:
                canvas.arrow(below.right, (x + step - width / 2, y), part="states")
                canvas.label(x + step / 2, y + 0.13, "h, c", "states", size=9)
    dense = canvas.box(x, y + 0.75, width, 0.36, "Dense", "output")
    canvas.arrow(below.top, dense.bottom, part="output")
    answer = canvas.box(x, y + 1.45, width, 0.36, output, "output", "target", size=11)
    canvas.arrow(dense.top, answer.bottom, part="output")
    canvas.show(
        "recurrent",
        f"A recurrent network over {len(inputs)} steps: inputs {', '.join(inputs)} enter "
        f"{' under '.join(layers)}, with the same weights at each step; the states go from step to "
        "step, and the output is a dense layer's, at the last step.",
    )


_EQUATIONS = {
    "forget gate": r"$f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)$",
    "input gate": r"$i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)$",
    "candidate": r"$g_t = \mathrm{ACTIVATION}(W_g x_t + U_g h_{t-1} + b_g)$",
    "output gate": r"$o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)$",
    "cell state": r"$c_t = f_t \odot c_{t-1} + i_t \odot g_t$",
    "hidden state": r"$h_t = o_t \odot \mathrm{ACTIVATION}(c_t)$",
}


def lstm_cell(activation="tanh", highlight=(), texts=None):
    """Draw an LSTM cell at one step (Hochreiter and Schmidhuber 1997, Gers et al. 2000).

    Args:
        activation: Of the candidate and of the cell state on its way out, as in `keras.layers`.

    Below it stand the equations of the states, or those of the parts that are highlighted.

    Parts: "forget gate", "input gate", "candidate", "output gate", "cell state", "hidden state",
    "input".
    """
    activation = {"relu": "ReLU"}.get(activation, activation)
    canvas = Canvas(5.6, 3.5, highlight, texts)
    canvas.panel(2.85, 2.12, 3.9, 2.3)
    joined, gates, product, state = 1.2, 1.72, 2.42, 3.0
    at = {"forget gate": 1.45, "input gate": 2.2, "candidate": 2.95, "output gate": 3.7}
    plus, end = at["candidate"], 4.4
    canvas.arrow((0.55, state), (plus - 0.15, state), part="cell state")
    canvas.arrow((plus + 0.15, state), (5.05, state), part="cell state")
    canvas.label(0.3, state, "$c_{t-1}$", "cell state", size=12)
    canvas.label(5.3, state, "$c_t$", "cell state", size=12)
    canvas.arrow((0.55, joined), (at["output gate"], joined), part="hidden state", head=False)
    canvas.label(0.3, joined, "$h_{t-1}$", "hidden state", size=12)
    canvas.arrow((1.1, 0.82), (1.1, joined), part="input")
    canvas.label(1.1, 0.7, "$x_t$", "input", size=12)
    for (name, x), letter in zip(at.items(), "figo", strict=True):
        curve = activation if letter == "g" else "σ"
        word = name.removesuffix(" gate")
        box = canvas.box(x, gates, 0.68, 0.5, f"{curve}\n{word}", name, size=9)
        canvas.arrow((x, joined), box.bottom, part=name)
        canvas.label(x + 0.15, gates + 0.38, f"${letter}_t$", name)
    f, i, g, o = at.values()
    top = gates + 0.25
    canvas.arrow((f, top), (f, state - 0.15), part="forget gate")
    canvas.arrow((i, top), (i, product), (g - 0.15, product), part="input gate")
    canvas.arrow((g, top), (g, product - 0.15), part="candidate")
    canvas.arrow((g, product + 0.15), (g, state - 0.15), part=["input gate", "candidate"])
    canvas.arrow((o, top), (o, product - 0.1), (end - 0.15, product - 0.1), part="output gate")
    canvas.circle(f, state, "×", ["forget gate", "cell state"], "state")
    canvas.circle(g, product, "×", ["input gate", "candidate"], "state")
    canvas.circle(plus, state, "+", "cell state", "state")
    canvas.box(end, 2.7, 0.5, 0.24, activation, "hidden state", "data", size=9)
    canvas.arrow((end, state), (end, 2.82), part="hidden state")
    canvas.arrow((end, 2.58), (end, product + 0.05), part="hidden state")
    canvas.circle(end, product - 0.1, "×", ["output gate", "hidden state"], "state")
    canvas.arrow((end, product - 0.25), (end, joined), (5.05, joined), part="hidden state")
    canvas.label(5.3, joined, "$h_t$", "hidden state", size=12)
    chosen = [part for part in canvas.highlight if part in _EQUATIONS]
    for number, part in enumerate(chosen[:2] or ["cell state", "hidden state"]):
        equation = _EQUATIONS[part].replace("ACTIVATION", activation)
        canvas.label(1.6, 0.6 - 0.3 * number, equation, part, size=11, ha="left")
    canvas.show(
        "lstm_cell",
        "An LSTM cell. The input and the last hidden state feed the forget gate, input gate and "
        f"output gate (a sigmoid each) and the candidate ({activation}). The cell state is "
        "multiplied by the forget gate, plus input gate times candidate; the hidden state is "
        f"{activation} of the new cell state times the output gate.",
    )

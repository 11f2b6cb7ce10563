"""Networks of units, of layers, and of two players."""

import numpy as np

from utils.diagrams.canvas import Canvas


def network(
    sizes=(784, 128, 10), names=("pixels", "hidden units", "logits"), highlight=(), texts=None
):
    """Draw a small dense network: a column of units a layer, a line a weight.

    Of a layer of more than seven units the first and last three are drawn.

    Args:
        sizes: Units of each layer, the inputs' first.
        names: What each layer is, as many as sizes.

    Parts: the names, "weights", and "one unit" with the weights that lead to it.
    """
    span = 2.06 if max(sizes) > 7 else 0.32 * (max(sizes) - 1)
    canvas, middle = Canvas(5.6, span + 1.44, highlight, texts), 0.79 + span / 2
    centres = np.linspace(0.85, 4.75, len(sizes))
    columns = [[middle + height for height in _unit_heights(size)] for size in sizes]
    for i, (left, right) in enumerate(zip(columns, columns[1:], strict=False)):
        for start in left:
            for number, end in enumerate(right):
                part = ["weights", "one unit"] if (i, number) == (0, 1) else ["weights"]
                points = (centres[i], start), (centres[i + 1], end)
                canvas.arrow(*points, part=part, head=False, width=0.6, colour="#8FA9BA")
        counts = f"{sizes[i]:,} × {sizes[i + 1]:,}\nweights"
        canvas.label((centres[i] + centres[i + 1]) / 2, span + 1.16, counts, "weights", size=9)
    for i, (x, heights) in enumerate(zip(centres, columns, strict=True)):
        for number, y in enumerate(heights):
            part = [names[i], "one unit"] if (i, number) == (1, 1) else names[i]
            kind = "data" if i == 0 else "target" if i == len(sizes) - 1 else "layer"
            canvas.circle(x, y, part=part, kind=kind, radius=0.12)
        if len(heights) < sizes[i]:
            canvas.label(x, middle, "⋮", names[i], size=13)
        canvas.label(x, 0.45, names[i], names[i])
        canvas.label(x, 0.22, f"{sizes[i]:,}", names[i], bold=True)
    layers = " to ".join(f"{size:,} {name}" for size, name in zip(sizes, names, strict=True))
    canvas.show(
        "network",
        f"A dense network, {layers}; weights, drawn as lines, lead from each unit of a layer to "
        "each of the next, so that one unit sees the whole layer before it.",
    )


def _unit_heights(size):
    if size > 7:
        return [1.03, 0.71, 0.39, -0.39, -0.71, -1.03]
    return [0.32 * ((size - 1) / 2 - number) for number in range(size)]


def game(
    players=("generator", "discriminator"),
    shapes=("(32,)", "(28, 28, 1)"),
    highlight=(),
    texts=None,
):
    """Draw the game of a generative adversarial network (Goodfellow et al. 2014).

    Args:
        players: Their names, perhaps with a second line: "generator\\n(artist)".
        shapes: Of the noise and of an image.

    Parts: "noise", the names of the players (first lines), "fakes", "real images", "answer",
    "generator's step", "discriminator's step".
    """
    makes, judges = (name.partition("\n")[0] for name in players)
    canvas = Canvas(5.6, 3.4, highlight, texts)
    high, low, middle = 2.35, 1.25, 1.8
    noise = canvas.box(0.42, high, 0.7, 0.55, f"noise\n{shapes[0]}", "noise", "data", size=9)
    maker = canvas.box(1.6, high, 1.12, 0.62, players[0], [makes, f"{makes}'s step"], "layer")
    fake = canvas.box(2.84, high, 0.9, 0.55, f"fakes\n{shapes[1]}", "fakes", "data", size=9)
    real = canvas.box(2.84, low, 0.9, 0.55, f"real images\n{shapes[1]}", "real images", "data", 9)
    judge = canvas.box(4.12, middle, 1.14, 0.62, players[1], [judges, f"{judges}'s step"], "state")
    answer = canvas.box(5.2, middle, 0.6, 0.55, "real or\nfake?", "answer", "target", size=9)
    canvas.arrow(noise.right, maker.left)
    canvas.arrow(maker.right, fake.left)
    canvas.arrow(fake.right, (judge.x - 0.25, high), (judge.x - 0.25, middle + 0.31))
    canvas.arrow(real.right, (judge.x - 0.25, low), (judge.x - 0.25, middle - 0.31))
    canvas.arrow(judge.right, answer.left)
    points = answer.top, (answer.x, 2.9), (maker.x, 2.9), maker.top
    canvas.arrow(*points, part=f"{makes}'s step", dashed=True)
    points = answer.bottom, (answer.x, 0.65), (judge.x + 0.2, 0.65), (judge.x + 0.2, middle - 0.31)
    canvas.arrow(*points, part=f"{judges}'s step", dashed=True)
    text = f"{makes}'s step: fakes → 1 (gradient through the {judges})"
    canvas.label(5.45, 3.1, text, f"{makes}'s step", ha="right")
    text = f"{judges}'s step: real images → 1, fakes → 0"
    canvas.label(5.45, 0.42, text, f"{judges}'s step", ha="right")
    canvas.show(
        "game",
        f"From noise {shapes[0]} the {makes} makes fakes; the {judges} gets fakes and real images "
        f"{shapes[1]}, and its answer is: real or fake? The {judges}'s step changes its weights "
        f"so that it answers rightly; the {makes}'s step changes the {makes}'s so that fakes are "
        "called real. Gradients are dashed.",
    )


def stack(rows, headings=("layer", "output shape", ""), highlight=(), texts=None):
    """Draw layers from the input down to the output, with shapes beside them.

    Args:
        rows: A Keras model without branches; or (name, shape) or (name, shape, note) for each
            layer, where a name is as long as "Conv2D: 32 of 3 × 3, ReLU". For a model with
            convolutions the note is the receptive field: what one output value depends on.
        headings: Over the three columns.

    Parts: what stands before the colon of each name; where that is the same for several layers,
    it means all of them, and "Conv2D 2" the second.
    """
    if hasattr(rows, "layers"):
        rows, headings = _rows(rows), (*headings[:2], headings[2] or "depends on")
    rows = [(*row, "")[:3] for row in rows]
    kinds = [name.partition(":")[0] for name, _, _ in rows]
    canvas = Canvas(5.6, 0.5 + 0.5 * len(rows), highlight, texts)
    noted = any(note for _, _, note in rows)
    x, width, columns = (1.4, 2.6, (3.45, 4.85)) if noted else (1.7, 3.2, (4.4, 5.6))
    y = canvas.height - 0.2
    for centre, heading in zip((x, *columns), headings, strict=True):
        canvas.label(centre, y, heading if noted or centre < 5 else "", size=9)
    above = None
    for number, (name, shape, note) in enumerate(rows):
        y, kind = y - (0.34 if number == 0 else 0.5), kinds[number]
        part = [kind]
        if kinds.count(kind) > 1:
            part.append(f"{kind} {kinds[: number + 1].count(kind)}")
        box = canvas.box(x, y, width, 0.34, name, part, "layer" if number else "data")
        if above:
            canvas.arrow(above.bottom, box.top)
        for centre, text in zip(columns, (shape, note), strict=True):
            canvas.label(centre, y, text, part)
        above = box
    said = (", ".join(filter(None, row)) for row in rows)
    canvas.show("stack", f"Layers from input to output, with output shapes: {'; '.join(said)}.")


def _rows(model):
    """Name, output shape and receptive field of each layer of a Keras model."""
    shape = model.input_shape[1:]
    rows, field, stride, above = [("input", _shape(shape), "")], 1, 1, None
    kinds = " ".join(type(layer).__name__ for layer in model.layers)
    seen = "Conv" in kinds and "Transpose" not in kinds
    for layer in model.layers:
        kind = type(layer).__name__
        if above is not None and layer.input is not above:
            raise ValueError("stack() draws models without branches: give it rows for this one.")
        above = layer.output
        if kind == "InputLayer":
            continue
        if kind in ("Flatten", "Dense", "LSTM") or kind.startswith("Global"):
            field = np.inf
        size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        if size:
            field += (size[0] - 1) * getattr(layer, "dilation_rate", (1,))[0] * stride
            stride *= layer.strides[0]
        sides = [str(min(field, side)) for side in shape[:-1]]
        note = "everything" if field == np.inf else " × ".join(sides)
        rows.append((_name(layer), _shape(layer.output.shape[1:]), note if seen else ""))
    return rows


def _shape(shape):
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _name(layer):
    """For example "Conv2D: 32 of 3 × 3, ReLU"."""
    said = []
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    count = getattr(layer, "filters", None) or getattr(layer, "units", None)
    if size:
        said.append(" × ".join(map(str, size)))
    if count:
        said[:] = [f"{count} of {said[0]}" if said else f"{count}"]
    if (dilation := getattr(layer, "dilation_rate", (1,))[0]) > 1:
        said.append(f"dilation {dilation}")
    if getattr(layer, "rate", None):
        said.append(f"{layer.rate:g}")
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if activation != "linear":
        said.append({"relu": "ReLU", "gelu": "GELU"}.get(activation, activation))
    kind = type(layer).__name__
    return f"{kind}: {', '.join(said)}" if said else kind

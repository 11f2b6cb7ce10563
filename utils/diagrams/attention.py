"""Attention and transformers, and the targets of a language model."""

import numpy as np

from utils.diagrams.canvas import Canvas


def shifted_targets(
    tokens=("to", "be", "or", "not", "to", "be"), position=3, highlight=(), texts=None
):
    """Draw a sequence as inputs below and, moved by one, as targets above.

    Args:
        tokens: The text; all but the last are inputs, all but the first are targets.
        position: The one, from 1, that "one position" highlights.

    Parts: "inputs", "model", "targets", "one position" with all that it may see.
    """
    canvas = Canvas(5.6, 2.9, highlight, texts)
    step = 4.5 / (len(tokens) - 1)
    columns = [1.0 + step * (number + 0.5) for number in range(len(tokens) - 1)]
    low, high = 0.55, 2.4
    canvas.panel(3.25, 1.475, 4.5, 0.95)
    for y, name in [(high, "targets"), (1.475, "model"), (low, "inputs")]:
        canvas.label(0.1, y, name, name, ha="left")
    for j, end in enumerate(columns):
        chosen = ["one position"] if j == position - 1 else []
        for start in columns[: j + 1]:
            points = (start, 1.08), (end, 1.87)
            canvas.arrow(*points, part=chosen or None, head=False, width=1.0, colour="#8FA9BA")
        canvas.arrow((end, 1.95), (end, high - 0.18), part=chosen or None)
        seen = ["one position"] if j < position else []
        canvas.arrow((end, low + 0.18), (end, 1.0), part=seen or None)
        canvas.box(end, low, 0.86 * step, 0.36, tokens[j], ["inputs", *seen])
        canvas.box(end, high, 0.86 * step, 0.36, tokens[j + 1], ["targets", *chosen], "target")
    canvas.show(
        "shifted_targets",
        f"Inputs {' '.join(tokens[:-1])!r} below and targets {' '.join(tokens[1:])!r} above: the "
        "same text, moved by one. In the model between them one position sees the inputs up to "
        f"its own; the one for {tokens[position]!r} sees {' '.join(tokens[:position])!r}.",
    )


def query_key_value(d_model=64, d_head=16, tokens="n", causal=False, highlight=(), texts=None):
    """Draw one head of attention as operations on matrices, with their shapes.

    Args:
        d_model, d_head: Widths of a token, and of a query, key or value.
        tokens: Their number, or a letter for it.
        causal: Draw the mask between scores and softmax.

    Parts: "tokens", "query", "key", "value", "scores", "mask" (if causal), "softmax", "output".
    """
    canvas = Canvas(5.6, 4.4 + 0.65 * causal, highlight, texts)
    left, middle, right = 1.0, 2.8, 4.6
    y, pair = canvas.height - 0.32, (left + middle) / 2
    n = tokens
    x = canvas.box(middle, y, 1.9, 0.46, f"tokens x\n({n}, {d_model})", "tokens", "data")
    made = {}
    for name, centre in (("query", left), ("key", middle), ("value", right)):
        text = f"{name}: Dense\n({n}, {d_head})"
        made[name] = canvas.box(centre, y - 0.95, 1.4, 0.46, text, name)
        way = [x.bottom, (middle, y - 0.47), (centre, y - 0.47), made[name].top]
        canvas.arrow(*(way if centre != middle else way[::3]), part=name)
    y -= 1.9
    last = canvas.box(pair, y, 2.4, 0.5, f"scores: q kᵀ / √{d_head}\n({n}, {n})", "scores", "state")
    for name in ("query", "key"):
        start = made[name].bottom
        canvas.arrow(start, (start[0], y + 0.25), part="scores")
    steps = [("mask", "mask: no token sees later ones")] * causal + [
        ("softmax", f"softmax: each row sums to 1\n({n}, {n})")
    ]
    for name, text in steps:
        height = 0.5 if "\n" in text else 0.36
        y -= 0.75 if name == "softmax" else 0.65
        box = canvas.box(pair, y, 2.4, height, text, name, "state")
        canvas.arrow(last.bottom, box.top, part=name)
        last = box
    y -= 0.85
    text = f"output: weights times values\n({n}, {d_head})"
    output = canvas.box(middle, y, 2.5, 0.5, text, "output", "target")
    canvas.arrow(last.bottom, (pair, y + 0.25), part="output")
    end = middle + 0.9
    value = made["value"].bottom
    canvas.arrow(value, (right, y + 0.55), (end, y + 0.55), (end, output.top[1]), part="output")
    canvas.show(
        "query_key_value",
        f"One head of attention. From the tokens ({n}, {d_model}) three dense layers make query, "
        f"key and value, ({n}, {d_head}) each. Queries times keys, divided by the root of "
        f"{d_head}, are the scores ({n}, {n}); "
        f"{'a mask hides later tokens; ' if causal else ''}softmax turns each row into weights, "
        f"and the output is the weights times the values, ({n}, {d_head}).",
    )


def attention(
    tokens=("the", "cat", "sat"), query="sat", scores=(0.2, 2.0, 1.0), highlight=(), texts=None
):
    """Draw how one query attends to keys: scores, their softmax, a weighted sum of values.

    Args:
        tokens: Three to six of them.
        query: The token whose query it is.
        scores: The query's scaled dot product with each token's key; weights are computed.

    Parts: "query", "keys", "scores", "softmax", "weights", "values", "output".
    """
    weights = np.exp(scores) / np.exp(scores).sum()
    canvas = Canvas(5.6, 4.3, highlight, texts)
    step = 4.4 / len(tokens)
    columns = [1.1 + step * (number + 0.5) for number in range(len(tokens))]
    middle, width = 3.3, 0.88 * step
    heights = dict(zip(("query", "keys", "scores", "softmax"), (4.05, 3.3, 2.7, 2.22), strict=True))
    heights |= {"weights": 1.75, "values": 1.15, "output": 0.3}
    for name, y in heights.items():
        if name != "softmax":
            canvas.label(0.1, y, name, name, ha="left")
    asks = canvas.box(middle, heights["query"], 1.3, 0.36, f"q of “{query}”", "query", "data")
    canvas.box(middle, heights["softmax"], 4.4, 0.32, "softmax", "softmax", "layer")
    out = canvas.box(
        middle, heights["output"], 2.6, 0.36, "weighted sum of the values", "output", "target"
    )
    for x, token, score, weight in zip(columns, tokens, scores, weights, strict=True):
        key = canvas.box(x, heights["keys"], width, 0.36, f"k “{token}”", "keys", "layer")
        value = canvas.box(x, heights["values"], width, 0.36, f"v “{token}”", "values", "state")
        canvas.arrow(asks.bottom, key.top, part="query")
        canvas.label(x, heights["scores"], f"{score:.1f}", "scores")
        canvas.arrow(key.bottom, (x, heights["scores"] + 0.13), part="scores")
        canvas.arrow((x, heights["scores"] - 0.12), (x, heights["softmax"] + 0.16), part="softmax")
        canvas.label(x, heights["weights"], f"{weight:.2f} ×", "weights", bold=True)
        canvas.arrow((x, heights["softmax"] - 0.16), (x, heights["weights"] + 0.13), part="softmax")
        canvas.arrow((x, heights["weights"] - 0.13), value.top, part="weights")
        end = middle + 0.4 * (x - middle), out.top[1]
        canvas.arrow(value.bottom, end, part="output", width=0.5 + 5 * weight)
    numbers = zip(tokens, scores, weights, strict=True)
    said = ", ".join(f"{token} {score:.1f} and {weight:.2f}" for token, score, weight in numbers)
    canvas.show(
        "attention",
        f"The query of {query!r} is compared with the keys of all tokens; the scores go through "
        f"softmax and become weights ({said}); the output is the sum of the values, each times "
        "its weight.",
    )


def heads(tokens=5, d_model=64, count=4, highlight=(), texts=None):
    """Draw how queries, keys and values are cut into heads, and the heads joined again.

    Args:
        tokens: Their number.
        d_model: Width, a multiple of `count`.
        count: Heads, two to six.

    Parts: "queries", "cut", "attention", "head 1", "head 2", ..., "joined", "output projection".
    """
    if d_model % count:
        raise ValueError(f"heads() cannot cut a width of {d_model} into {count} equal heads.")
    size = d_model // count
    canvas = Canvas(5.6, 4.3, highlight, texts)
    names = [f"head {number + 1}" for number in range(count)]
    middle, width, space = 3.35, 2.6, 4.3 / count
    whole = [middle + width * ((i + 0.5) / count - 0.5) for i in range(count)]
    apart = [middle + space * (i + 0.5 - count / 2) for i in range(count)]
    strip = width / count
    rows = [
        (3.75, "queries, keys,\nvalues, each", f"({tokens}, {d_model})", "queries"),
        (2.8, "cut", f"{count} × ({tokens}, {size})", "cut"),
        (1.95, "attention", f"weights\n{count} × ({tokens}, {tokens})", "attention"),
        (1.15, "joined", f"({tokens}, {d_model})", "joined"),
        (0.35, "output\nprojection", f"({tokens}, {d_model})", "output projection"),
    ]
    for y, name, shape, part in rows:
        canvas.label(0.1, y, f"{name}\n{shape}", part, ha="left", size=9)
    colours = ("layer", "state", "target", "data")
    for i, name in enumerate(names):
        kind = colours[i % 4]
        _matrix(canvas, whole[i], 3.75, strip, tokens, ["queries", name], kind)
        _matrix(canvas, apart[i], 2.8, strip, tokens, ["cut", name], kind)
        canvas.arrow((whole[i], 3.45), (apart[i], 3.1), part=["cut", name])
        box = canvas.box(apart[i], 1.95, 0.8 * space, 0.4, name, ["attention", name], kind, size=9)
        canvas.arrow((apart[i], 2.5), box.top, part=name)
        canvas.arrow(box.bottom, (whole[i], 1.45), part=["joined", name])
        _matrix(canvas, whole[i], 1.15, strip, tokens, ["joined", name], kind)
    canvas.box(middle, 0.35, width, 0.36, "Dense", "output projection")
    canvas.arrow((middle, 0.85), (middle, 0.53), part="output projection")
    canvas.show(
        "heads",
        f"The queries, keys, values ({tokens}, {d_model}) are cut by columns into {count} heads of "
        f"width {size}: {', '.join(names)}. Each has attention of its own, with weights "
        f"({tokens}, {tokens}). Their outputs are joined side by side to ({tokens}, {d_model}), "
        "and a dense layer, the output projection, mixes them.",
    )


def _matrix(canvas, x, y, width, tokens, part, kind):
    """Columns of a matrix, with a row for each token."""
    box = canvas.box(x, y, width, 0.56, part=part, kind=kind)
    for number in range(1, tokens):
        height = box.bottom[1] + number * box.height / tokens
        points = (box.left[0] + 0.03, height), (box.right[0] - 0.03, height)
        canvas.axes.plot(*zip(*points, strict=True), color="#9A9A9A", linewidth=0.5, zorder=2.5)


def transformer_block(
    norm="first",
    shape="(tokens, 64)",
    attention="multi-head attention",
    feed_forward="Dense 256, GELU\nDense 64",
    highlight=(),
    texts=None,
):
    """Draw a transformer block: two branches, each added to the stream that it left.

    Args:
        norm: "first", each branch begins with a layer normalization (GPT-2); "last", it follows
            each addition (Vaswani et al. 2017, BERT).
        shape: Of the input and the output.
        attention, feed_forward: What is written in the two branches.

    Parts: "input", "residual path", "normalization", "attention", "feed-forward", "addition",
    "output".
    """
    if norm not in ("first", "last"):
        raise ValueError(f'transformer_block() takes norm="first" or norm="last", not {norm!r}.')
    first = norm == "first"
    canvas = Canvas(4.6, 5.0, highlight, texts)
    stream, branch, width = 1.05, 3.3, 2.2
    entry = canvas.box(stream, 4.75, 1.5, 0.4, f"input\n{shape}", "input", "data", size=9)
    last, y = entry.bottom, entry.bottom[1]
    for name, text in (("attention", attention), ("feed-forward", feed_forward)):
        fork = y - 0.15
        middle = fork - (1.02 if first else 0.5)
        add = middle - 0.52
        norm_x, norm_y = (branch, fork - 0.4) if first else (stream, add - 0.5)
        box = canvas.box(branch, middle, width, 0.48, text, name)
        canvas.box(norm_x, norm_y, 1.75, 0.3, "LayerNormalization", "normalization", "state")
        entered = norm_y + 0.15 if first else box.top[1]
        canvas.arrow((stream, fork), (branch, fork), (branch, entered), part=name)
        if first:
            canvas.arrow((branch, norm_y - 0.15), box.top, part=name)
        canvas.arrow(box.bottom, (branch, add), (stream + 0.15, add), part=name)
        canvas.arrow(last, (stream, add + 0.15), part="residual path")
        canvas.circle(stream, add, "+", "addition")
        y = add - 0.15
        if not first:
            canvas.arrow((stream, y), (stream, norm_y + 0.15), part="residual path")
            y = norm_y - 0.15
        last = stream, y
    canvas.arrow(last, (stream, 0.45), part="residual path")
    canvas.box(stream, 0.25, 1.5, 0.4, f"output\n{shape}", "output", "data", size=9)
    where = "begins with a normalization" if first else "is followed by a normalization"
    canvas.show(
        "transformer_block",
        f"A transformer block, input and output {shape}. A residual path runs from input to "
        f"output. Two branches leave it, attention ({attention}) and feed-forward "
        f"({', '.join(feed_forward.split(chr(10)))}), and each comes back by addition; each "
        f"{where}.",
    )

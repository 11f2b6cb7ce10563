import io
import itertools
import re
import subprocess
import sys
import time

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from PIL import Image

from utils import diagrams, figures
from utils.diagrams import animations
from utils.diagrams.canvas import Canvas

ROWS = [
    ("input", "(28, 28, 1)", ""),
    ("Conv2D: 32 of 3 × 3, ReLU", "(26, 26, 32)", "3 × 3"),
    ("MaxPooling2D: 2 × 2", "(13, 13, 32)", "4 × 4"),
    ("Conv2D: 64 of 3 × 3, ReLU", "(11, 11, 64)", "8 × 8"),
    ("Flatten", "(7744,)", "everything"),
]
#: Every drawing, as notebooks call it and at the ends of what it takes.
DRAWINGS = {
    "network": (diagrams.network, {}),
    "network, deep": (
        diagrams.network,
        {"sizes": (3, 7, 8, 1), "names": ("inputs", "first", "second", "output")},
    ),
    "stack": (diagrams.stack, {"rows": ROWS}),
    "stack, two columns": (diagrams.stack, {"rows": [row[:2] for row in ROWS]}),
    "game": (diagrams.game, {}),
    "game, named": (diagrams.game, {"players": ("artist\n(generator)", "critic\n(judge)")}),
    "window": (diagrams.window, {}),
    "window, horizon": (
        diagrams.window,
        {"series": range(12), "length": 6, "horizon": 3, "shift": 2, "count": 2},
    ),
    "recurrent": (diagrams.recurrent, {}),
    "recurrent, two layers": (diagrams.recurrent, {"layers": ("LSTM 1", "LSTM 2")}),
    "lstm_cell": (diagrams.lstm_cell, {}),
    "lstm_cell, ReLU": (diagrams.lstm_cell, {"activation": "relu"}),
    "shifted_targets": (diagrams.shifted_targets, {}),
    "shifted_targets, letters": (
        diagrams.shifted_targets,
        {"tokens": "First Ci", "position": 7},
    ),
    "query_key_value": (diagrams.query_key_value, {}),
    "query_key_value, causal": (diagrams.query_key_value, {"causal": True, "tokens": 5}),
    "attention": (diagrams.attention, {}),
    "attention, five": (
        diagrams.attention,
        {"tokens": "the cat sat down here".split(), "query": "cat", "scores": range(5)},
    ),
    "heads": (diagrams.heads, {}),
    "heads, six": (diagrams.heads, {"tokens": 16, "d_model": 768, "count": 6}),
    "transformer_block": (diagrams.transformer_block, {}),
    "transformer_block, norm last": (
        diagrams.transformer_block,
        {"norm": "last", "shape": "(batch, 128)", "attention": "causal self-attention"},
    ),
}


@pytest.fixture
def shown(monkeypatch):
    """The figures that are shown, with their alternative texts."""
    drawn = []
    figures.use_style()
    monkeypatch.setattr(figures, "show", lambda figure, alt: drawn.append((figure, alt)))
    yield drawn
    plt.close("all")


@pytest.fixture
def displayed(monkeypatch):
    """What the animations display, without the text to be read out that follows each."""
    outputs = []
    monkeypatch.setattr(figures, "display", lambda bundle, **_: outputs.append(bundle))
    return outputs


def parts_of(draw, options):
    with pytest.raises(ValueError, match="no part") as error:
        draw(**options, highlight="no such part")
    return str(error.value).partition("its parts are: ")[2].rstrip(".").split(", ")


def faults(figure):
    """What is wrong with a drawing's texts, each fault in a sentence."""
    axes, renderer = figure.axes[0], figure.canvas.get_renderer()
    boxes = [
        patch.get_window_extent(renderer).padded(-2)
        for patch in axes.patches
        if isinstance(patch, FancyBboxPatch | Circle)
    ]
    arrows = [
        Path(line)
        for patch in axes.patches
        if isinstance(patch, FancyArrowPatch)
        for line in patch.get_path().to_polygons(axes.transData, closed_only=False)
    ]
    extents = {text: text.get_window_extent(renderer) for text in axes.texts}
    for text, extent in extents.items():
        name = repr(text.get_text())
        if not (extent.x0 >= 2 and extent.y0 >= 2):
            yield f"{name} leaves the figure"
        if extent.x1 > figure.bbox.width - 2 or extent.y1 > figure.bbox.height - 2:
            yield f"{name} leaves the figure"
        size = text.get_fontsize()
        if size < 7 or 5 * size / figure.get_figwidth() < 7.5:
            yield f"{name} is {5 * size / figure.get_figwidth():.1f} pixels on a phone"
        fill = text.inside.get_facecolor() if text.inside else "#F4F4F4"
        if contrast(text.get_color(), fill) < 4.5:
            yield f"{name} has too little contrast"
        if text.inside:
            around = text.inside.get_window_extent()
            if extent.width > around.width - 2 or extent.height > around.height + 1:
                yield f"{name} is larger than its box"
            continue
        if any(extent.overlaps(box) for box in boxes):
            yield f"{name} overlaps a box"
        if any(arrow.intersects_bbox(extent, filled=False) for arrow in arrows):
            yield f"{name} lies on an arrow"
    if any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2)):
        yield "boxes overlap"
    for (one, a), (other, b) in itertools.combinations(extents.items(), 2):
        if a.overlaps(b):
            yield f"{one.get_text()!r} overlaps {other.get_text()!r}"


def contrast(ink, fill):
    """The contrast ratio of two colours as WCAG 2 defines it, from 1 to 21."""

    def luminance(colour):
        rgb = np.array(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    dark, light = sorted((luminance(ink), luminance(fill)))
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=DRAWINGS)
def drawing(request, shown):
    """A drawing without a highlight and with each, as {part: (figure, alternative text)}."""
    draw, options = DRAWINGS[request.param]
    parts = parts_of(draw, options)
    draw(**options)
    for part in parts:
        draw(**options, highlight=part)
    return dict(zip(["", *parts], shown, strict=True))


def test_drawings_are_legible_highlighted_and_described(drawing):
    found = {fault for figure, _ in drawing.values() for fault in faults(figure)}
    assert not found

    (_, alt), pictures = drawing[""], set()
    for part, (figure, described) in drawing.items():
        assert re.sub(r" \d$", "", part) in alt
        assert described == (f"{alt} Highlighted: {part}." if part else alt)
        figure.set_dpi(40)
        figure.canvas.draw()
        pictures.add(bytes(figure.canvas.buffer_rgba()))
    assert len(pictures) == len(drawing), "two highlights look alike"


def test_several_parts_are_highlighted(shown):
    diagrams.lstm_cell(highlight=["forget gate", "cell state"])
    assert shown[0][1].endswith("Highlighted: forget gate, cell state.")
    texts = [text.get_text() for text in shown[0][0].axes[0].texts]
    assert sum("=" in text for text in texts) == 2


def test_a_step_of_the_game_highlights_a_player_and_the_way_of_its_gradient(shown):
    diagrams.game(highlight="generator's step")
    patches = shown[0][0].axes[0].patches
    chosen = [patch for patch in patches if patch.get_linewidth() > 2]
    assert {type(patch) for patch in chosen} == {FancyBboxPatch, FancyArrowPatch}


def test_an_unknown_part_is_an_error_that_lists_the_parts_and_leaves_no_figure(shown):
    with pytest.raises(ValueError, match='^lstm_cell.* "gate".* are: .*forget gate.*input'):
        diagrams.lstm_cell(highlight="gate")
    assert not shown and not plt.get_fignums()


def test_texts_are_replaced(shown):
    diagrams.window(texts={"series": "Reihe"})
    texts = [text.get_text() for text in shown[0][0].axes[0].texts]
    assert "Reihe" in texts and "series" not in texts and "window 1" in texts


def test_sizes_that_do_not_fit_are_errors():
    with pytest.raises(ValueError, match="width of 64 into 5"):
        diagrams.heads(count=5)
    with pytest.raises(ValueError, match="series of 7 values, and got 5"):
        diagrams.window(range(5))
    with pytest.raises(ValueError, match='norm="first"'):
        diagrams.transformer_block(norm="pre")


def test_attention_weights_are_the_softmax_of_the_scores(shown):
    diagrams.attention(("a", "b"), "a", (0.0, np.log(3)))
    texts = [text.get_text() for text in shown[0][0].axes[0].texts]
    assert "0.25 ×" in texts and "0.75 ×" in texts


def test_stack_reads_shapes_and_receptive_fields_from_a_model(shown):
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    diagrams.stack(model, highlight="Conv2D 2")
    figure, alt = shown[0]
    assert not list(faults(figure))
    for row in [
        "input, (28, 28, 1);",
        "Rescaling, (28, 28, 1), 1 × 1;",
        "Conv2D: 32 of 3 × 3, ReLU, (26, 26, 32), 3 × 3;",
        "MaxPooling2D: 2 × 2, (13, 13, 32), 4 × 4;",
        "Conv2D: 64 of 3 × 3, (13, 13, 64), 8 × 8;",
        "MaxPooling2D: 2 × 2, (6, 6, 64), 10 × 10;",
        "Dropout: 0.5, (2304,), everything;",
        "Dense: 10, softmax, (10,), everything.",
    ]:
        assert row in alt
    x = keras.Input((4,))
    branched = keras.Model(x, layers.Dense(4)(x) + layers.Dense(4)(x))
    with pytest.raises(ValueError, match="without branches"):
        diagrams.stack(branched)


def test_importing_is_fast():
    code = "import utils.diagrams, sys; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_is_fast(shown):
    diagrams.network()
    started = time.process_time()
    diagrams.lstm_cell()
    assert time.process_time() - started < 1


# Animations


def test_an_animation_is_a_png_that_plays_and_has_a_still(displayed):
    frames = [np.full((20, 30), value, "uint8") for value in (0, 100, 200)]
    animations.animate(frames, "It becomes lighter.", seconds=0.2, hold=1.5, still=1)
    bundle = displayed[0]
    assert bundle["text/plain"].startswith("It becomes lighter.")
    picture = Image.open(io.BytesIO(bundle["image/png"]))
    assert picture.n_frames == 4 and picture.default_image
    values, durations = [], []
    for number in range(4):
        picture.seek(number)
        values.append(picture.convert("L").getpixel((0, 0)))
        durations.append(picture.info.get("duration"))
    assert values == [100, 0, 100, 200]
    assert durations == [None, 200, 200, 1500]


def test_an_animation_takes_figures_and_closes_them(displayed):
    diagrams.animate((Canvas(1, 1).figure for _ in range(3)), "Nothing.")
    assert not plt.get_fignums()


def test_an_animation_needs_frames_alternative_text_and_a_small_file(displayed):
    with pytest.raises(ValueError, match="no frames"):
        diagrams.animate([], "Nothing.")
    with pytest.raises(ValueError, match="alternative text"):
        diagrams.animate([np.zeros((4, 4), "uint8")], " ")
    noise = np.random.default_rng(0).integers(0, 256, (9, 400, 400)).astype("uint8")
    with pytest.raises(ValueError, match="at most 300"):
        diagrams.animate(noise, "Noise.")
    assert not displayed


def test_the_kernel_slides_as_a_convolution_does(displayed):
    image = np.array([[0, 0, 9, 0, 0]] * 3 + [[0, 9, 9, 0, 0]])
    kernel = [[-1, 0, 1]] * 3
    diagrams.sliding_kernel(image, kernel)
    assert "2 by 3: [[27, 0, -27], [27, -9, -27]]." in displayed[0]["text/plain"]
    picture = Image.open(io.BytesIO(displayed[0]["image/png"]))
    assert picture.n_frames == 1 + 6
    answer = np.array([[27, 0, -27], [27, -9, -27]])
    figure = animations._convolved(image, np.array(kernel), answer, (1, 2), None)
    assert not list(faults(figure))
    assert figure.axes[0].texts[-1].get_text() == "− 9·1 − 9·1 − 9·1 = −27"
    plt.close(figure)


def test_image_history_shows_a_grid_a_frame(displayed):
    history = np.zeros((3, 7, 28, 28, 1)) + np.arange(3)[:, None, None, None, None] * 120
    diagrams.image_history(history, ["step 0", "step 10", "step 20"], "Black.", columns=4)
    picture = Image.open(io.BytesIO(displayed[0]["image/png"]))
    assert picture.size[0] == 4 * 28 * 2

"""Figures: one style, labelled axes, alternative text.

`use_style()` once, then either draw with matplotlib and end the cell with `show(figure, alt)`, or
call one of the ready-made figures below, which do that themselves. Pictures made without
matplotlib, animations too, go through `show_picture`.
"""

import html
import io
import struct
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from utils import ROOT

_PIXELS_PER_INCH = 90  # on the page
_STORED_SCALE = 1.5  # pixels of the stored picture for each of these

#: JupyterLab, nbconvert and GitHub draw a picture without the alternative text in its metadata.
#: So a transparent pixel that carries the text follows it: screen readers read it out, and nothing
#: is seen. It outlives the sanitisers of stored HTML. JupyterLab's drops ARIA attributes, GitHub's
#: drops styles, so that a hidden paragraph would be seen there; both keep an image's alternative
#: text and size. Where even the pixel's data is dropped, the text stands below the picture.
#: The picture itself cannot be such an image: nbval would compare its bytes.
_PIXEL = (
    '<img alt="{alt}" width="1" height="1"'
    ' src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
)


def use_style():
    """Make the course's style sheet matplotlib's, for this kernel, whatever was set before."""
    mpl.rcdefaults()  # a matplotlibrc of the reader's may ask for LaTeX
    mpl.style.use(Path(__file__).with_name("course.mplstyle"))


def show(figure, alt):
    """Show a figure with its alternative text, and close it.

    Args:
        figure: A matplotlib figure.
        alt: See `show_picture`.

    Raises:
        ValueError: `alt` is empty.
    """
    png = io.BytesIO()
    figure.savefig(
        png,
        format="png",
        dpi=_STORED_SCALE * _PIXELS_PER_INCH,
        metadata={"Software": None},
        pil_kwargs={"optimize": True},
    )
    size = (figure.get_size_inches() * _PIXELS_PER_INCH).round().astype(int).tolist()
    plt.close(figure)
    show_picture(png.getvalue(), alt, size)


def show_picture(picture, alt, size, mime_type="image/png"):
    """Show a picture with its alternative text.

    Args:
        picture: The file, in bytes. An animation is best an animated PNG: nbconvert, and so
            GitHub, draws no GIF.
        alt: What a reader who cannot see the picture has to know, in a sentence. It is stored with
            the picture, is the output's text where pictures are not shown, and is read out by
            screen readers. Tests compare it but for its numbers, which may be measured ones.
        size: Width and height on the page, in CSS pixels.
        mime_type: "image/png" or "image/gif".

    Raises:
        ValueError: `alt` is empty.
    """
    alt = " ".join(alt.split())
    if not alt:
        raise ValueError("show() needs alternative text: what the figure shows, in a sentence.")
    width, height = size
    display(
        {mime_type: picture, "text/plain": f"{alt} [figure]"},
        metadata={mime_type: {"alt": alt, "width": width, "height": height}},
        raw=True,
    )
    display({"text/html": _PIXEL.format(alt=html.escape(alt))}, raw=True)


def preview(name, alt):
    """Show a notebook's own picture from docs/: what the reader will have made at its end.

    `make notebooks` stores there what the cell tagged `product` draws, and puts the same picture
    into the stored output of the cell tagged `preview`, so that the two cannot differ.

    Args:
        name: The notebook's name without ".ipynb".
        alt: Alternative text.

    Raises:
        FileNotFoundError: There is no such picture.
    """
    path = ROOT / "docs" / f"{name}.png"
    if not path.is_file():
        raise FileNotFoundError(f"docs/ has no {path.name}: `make notebooks` stores it.")
    png = path.read_bytes()
    size = [round(side / _STORED_SCALE) for side in struct.unpack(">II", png[16:24])]
    show_picture(png, alt, size)


def draw_image(axes, image, title="", value_range=None, cmap="gray_r"):
    """Draw one grey or colour image on an axes, without ticks.

    Args:
        axes: A matplotlib axes.
        image: (height, width), (height, width, 1) or (height, width, 3).
        title: Text above it.
        value_range: The values drawn as the colour map's two ends; by default the image's own.
        cmap: A matplotlib colour map, for images of one channel.
    """
    image = np.asarray(image)
    low, high = value_range or (None, None)
    drawn = axes.imshow(image.squeeze(), cmap=cmap, vmin=low, vmax=high)
    axes.set_title(title, fontsize=9, fontweight="normal", loc="center", pad=3)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#CCCCCC")
    return drawn


def image_grid(images, alt, titles=None, columns=10, size=0.75, value_range=None, cmap="gray_r"):
    """Show images side by side, in rows of `columns`.

    Args:
        images: (n, height, width[, channels]), or a list of images.
        alt: Alternative text.
        titles: n texts, one above each image.
        columns: Images in a row.
        size: Side of an image in inches.
        value_range: The values drawn as the colour map's two ends, the same for all images; by
            default the smallest and largest of all.
        cmap: A matplotlib colour map, for images of one channel.

    Raises:
        ValueError: There are no images, or not as many titles as images.
    """
    if len(images) == 0:
        raise ValueError("image_grid() got no images.")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"image_grid() got {len(titles)} titles for {len(images)} images.")
    if value_range is None:
        value_range = min(np.min(i) for i in images), max(np.max(i) for i in images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(str(title).count("\n") for title in titles) if titles is not None else 0
    gap, title_height = 0.08, 0.17 * lines
    width, height = size + gap, size + gap + title_height
    # One axes for all, in inches: an axes for each image would take ten times as long to draw.
    figure = plt.figure(figsize=(width * columns, height * rows), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    for number, image in enumerate(images):
        left = number % columns * width + gap / 2
        bottom = (rows - 1 - number // columns) * height + gap / 2
        box = left, left + size, bottom, bottom + size
        low, high = value_range
        axes.imshow(np.asarray(image).squeeze(), cmap=cmap, vmin=low, vmax=high, extent=box)
        axes.add_patch(plt.Rectangle((left, bottom), size, size, fill=False, edgecolor="#CCCCCC"))
        if titles is not None:
            axes.text(left + size / 2, bottom + size + 0.04, titles[number], ha="center", size=9)
    axes.set(xlim=(0, width * columns), ylim=(0, height * rows), aspect="equal")
    axes.axis("off")
    show(figure, alt)


def learning_curves(histories, alt, metric="accuracy", loss_label="cross-entropy (nats)"):
    """Show loss and a metric over the epochs, training beside validation.

    Args:
        histories: What `fit` returns, or a dict from a name to that, drawn in one colour each.
        alt: Alternative text.
        metric: The metric's name in the history.
        loss_label: Name and unit of the loss.

    Training is dashed, validation solid.
    """
    if not isinstance(histories, dict):
        histories = {"": histories}
    figure, panels = plt.subplots(1, 2, figsize=(8.0, 3.0))
    for axes, key, label in zip(panels, ["loss", metric], [loss_label, metric], strict=True):
        for number, (name, history) in enumerate(histories.items()):
            values, colour = history.history, f"C{number}"
            epochs = np.arange(1, len(values[key]) + 1)
            prefix = f"{name}, " if name else ""
            axes.plot(epochs, values[key], "--", color=colour, label=f"{prefix}training")
            if f"val_{key}" in values:
                axes.plot(
                    epochs, values[f"val_{key}"], "o-", color=colour, label=f"{prefix}validation"
                )
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].legend()
    show(figure, alt)


def confusion_matrix(labels, predicted, class_names, alt):
    """Show how often each class was taken for each, rows true, columns predicted.

    The colour is the share of the row, drawn on a square-root scale, so that rare confusions are
    seen beside a full diagonal; the numbers are counts.

    Args:
        labels: (n,) true classes as ints from 0.
        predicted: (n,) predicted classes as ints from 0.
        class_names: Their names, in order.
        alt: Alternative text.

    Returns:
        The counts, (classes, classes), an int array.

    Raises:
        ValueError: The two arrays differ in shape.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape:
        raise ValueError(f"labels have shape {labels.shape}, predictions {predicted.shape}.")
    counts = np.zeros((len(class_names), len(class_names)), int)
    np.add.at(counts, (labels, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.2 + 0.42 * len(class_names)
    figure, axes = plt.subplots(figsize=(side + 0.6, side))
    drawn = axes.imshow(shares, cmap="Blues", norm=mpl.colors.PowerNorm(0.5, 0, 1))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = shares[row, column] > 0.3
            axes.text(
                column,
                row,
                count,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "#333333",
            )
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(class_names)), class_names)
    axes.set_yticks(range(len(class_names)), class_names)
    axes.grid(False)
    figure.colorbar(
        drawn, label="share of the true class", shrink=0.8, ticks=[0, 0.01, 0.1, 0.5, 1]
    )
    show(figure, alt)
    return counts


def error_gallery(images, labels, probabilities, class_names, alt, count=20, columns=10):
    """Show the errors that the model was surest of.

    Args:
        images: (n, height, width[, channels]).
        labels: (n,) true classes as ints from 0.
        probabilities: (n, classes) predicted probabilities.
        class_names: Names of the classes, in order.
        alt: Alternative text.
        count: The most errors to show.
        columns: Images in a row.

    Each title reads "true→predicted" and the probability of the predicted class.

    Returns:
        Indices of the errors shown, surest first.

    Raises:
        ValueError: There are no errors.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    errors = np.flatnonzero(predicted != labels)
    if len(errors) == 0:
        raise ValueError("error_gallery() got predictions without an error.")
    worst = errors[np.argsort(-confidence[errors], kind="stable")][:count]
    titles = [
        f"{class_names[labels[i]]}→{class_names[predicted[i]]}\n{confidence[i]:.0%}" for i in worst
    ]
    image_grid(np.asarray(images)[worst], alt, titles=titles, columns=columns)
    return worst

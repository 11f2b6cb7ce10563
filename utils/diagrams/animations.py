"""Animations, stored as animated PNG: what knows nothing of animation shows the still."""

import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from utils import figures
from utils.diagrams.canvas import Canvas

MOST_KB = 300
_PIXELS_PER_INCH = 90  # on the page, as in figures


def animate(frames, alt, seconds=0.25, hold=2.0, still=-1, colours=64):
    """Show frames one after the other, again and again.

    Args:
        frames: Matplotlib figures of one size, which are closed, or uint8 arrays (height, width)
            or (height, width, 3) of one size; best from a generator, which draws each in turn.
        alt: Alternative text: what happens.
        seconds: How long each frame stands.
        hold: How long the last one stands.
        still: Number of the frame that is seen where nothing moves.
        colours: Colours that all frames share.

    Raises:
        ValueError: There are no frames, `alt` is empty, or the file is larger than 300 kB.
    """
    images = [_image(frame) for frame in frames]
    if not images:
        raise ValueError("animate() got no frames.")
    png = _animated_png(images, seconds, hold, still, colours)
    if len(png) > 1000 * MOST_KB:
        raise ValueError(
            f"The animation has {len(png) / 1000:.0f} kB, and at most {MOST_KB} are stored: "
            "take fewer or smaller frames, or fewer colours."
        )
    figures.show_picture(png, alt, images[0].size)


def _image(frame):
    if not isinstance(frame, plt.Figure):
        return Image.fromarray(np.asarray(frame)).convert("RGB")
    file = io.BytesIO()
    frame.savefig(file, format="png", dpi=_PIXELS_PER_INCH)
    plt.close(frame)
    return Image.open(file).convert("RGB")


def _animated_png(images, seconds, hold, still, colours):
    """The file. The frames share the colours of the first, middle and last, among them white."""
    sample = [np.asarray(images[number]) for number in (0, len(images) // 2, -1)]
    palette = Image.fromarray(np.concatenate(sample)).quantize(
        colours, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
    )
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [1000 * seconds] * (len(images) - 1) + [1000 * hold]
    file = io.BytesIO()
    images[still].save(
        file,
        "PNG",
        save_all=True,
        default_image=True,  # the still is no frame of the animation
        append_images=images,
        duration=durations,
        loop=0,
    )
    return file.getvalue()


def sliding_kernel(image, kernel, alt="", seconds=0.5, texts=None):
    """Show a kernel sliding over an image, the feature map growing number by number.

    Args:
        image: (height, width) of whole numbers, at most 8 × 8.
        kernel: (rows, columns) of whole numbers; moved by one, without padding.
        alt: Alternative text, where the generated one does not say enough.
        seconds: How long the kernel stays at each place.
        texts: A dict from the English texts to those of another language.
    """
    image, kernel = np.asarray(image), np.asarray(kernel)
    views = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    answer = (views * kernel).sum(axis=(2, 3))
    alt = alt or (
        f"A kernel of {kernel.shape[0]} by {kernel.shape[1]} slides over an image of "
        f"{image.shape[0]} by {image.shape[1]}. At each place the pixels under it are multiplied "
        f"by the kernel's numbers and added up; the sums are the feature map, "
        f"{answer.shape[0]} by {answer.shape[1]}: {answer.tolist()}."
    )
    places = list(np.ndindex(answer.shape))
    frames = (_convolved(image, kernel, answer, place, texts) for place in places)
    animate(frames, alt, seconds)


def _convolved(image, kernel, answer, place, texts):
    """The frame in which the kernel is at `place`, a row and a column."""
    cell, gap = 0.36, 0.55
    widths = [cell * array.shape[1] for array in (image, kernel, answer)]
    canvas = Canvas(sum(widths) + 2 * gap + 0.3, cell * image.shape[0] + 1.05, texts=texts)
    top, left = canvas.height - 0.4, 0.15
    rows, columns = (slice(p, p + n) for p, n in zip(place, kernel.shape, strict=True))
    under, done = np.zeros(image.shape, bool), np.zeros(answer.shape, bool)
    under[rows, columns] = done[place] = True
    shown = np.arange(answer.size).reshape(answer.shape) <= np.ravel_multi_index(
        place, answer.shape
    )
    for name, array, mark, width in [
        ("image", image, under, widths[0]),
        ("kernel", kernel, np.zeros(kernel.shape, bool), widths[1]),
        ("feature map", answer, done, widths[2]),
    ]:
        canvas.label(left + width / 2, top + 0.2, name)
        known = shown if name == "feature map" else np.ones(array.shape, bool)
        _numbers(canvas, left, top, cell, array, known, mark)
        if name != "feature map":
            sign = "∗" if name == "image" else "="
            middle = top - cell * kernel.shape[0] / 2
            canvas.label(left + width + gap / 2, middle, sign, size=14)
        left += width + gap
    terms = zip(image[rows, columns].flat, kernel.flat, strict=True)
    terms = [f"{'+' if a * b > 0 else '−'} {abs(a)}·{abs(b)}" for a, b in terms if a * b]
    total = f"{answer[place]}".replace("-", "−")
    products = " ".join(terms).removeprefix("+ ") or "0"
    canvas.label(0.15, 0.28, f"{products} = {total}", ha="left")
    return canvas.figure


def _numbers(canvas, left, top, cell, array, known, mark):
    for (row, column), value in np.ndenumerate(array):
        x, y = left + cell * (column + 0.5), top - cell * (row + 0.5)
        marked = mark[row, column]
        fill = "#FFC857" if marked else "white"
        square = plt.Rectangle(
            (x - cell / 2, y - cell / 2), cell, cell, facecolor=fill, edgecolor="#666666"
        )
        square.set(linewidth=2.0 if marked else 0.8, zorder=2.2 if marked else 2)
        canvas.axes.add_patch(square)
        if known[row, column]:
            canvas.label(x, y, f"{value}".replace("-", "−"), size=9, bold=bool(marked))


def image_history(history, names, alt, columns=10, scale=2, seconds=0.3):
    """Show a grid of images that changes, as a generator's images do in training.

    Args:
        history: (frames, n, height, width[, channels]) from 0 to 255.
        names: What is written above each frame, as "step 100".
        alt: Alternative text.
        columns: Images in a row.
        scale: Pixels on the page for one of the image's, a whole number.
        seconds: How long each frame stands.
    """
    grids = [np.asarray(images).astype("uint8") for images in history]
    frames = (_grid(i, n, columns, scale) for i, n in zip(grids, names, strict=True))
    animate(frames, alt, seconds, colours=16)


def _grid(images, name, columns, scale):
    images = images.reshape(*images.shape[:3], -1)
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, height, width, channels), "uint8")
    padded[:count] = images
    grid = padded.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * height, columns * width, channels)
    inches = scale * grid.shape[1] / _PIXELS_PER_INCH, scale * grid.shape[0] / _PIXELS_PER_INCH
    canvas = Canvas(inches[0], inches[1] + 0.3)
    extent = 0, inches[0], 0, inches[1]
    canvas.axes.imshow(grid.squeeze(), cmap="gray_r", vmin=0, vmax=255, extent=extent)
    canvas.axes.set(xlim=(0, canvas.width), ylim=(0, canvas.height))
    canvas.label(0.05, canvas.height - 0.15, name, ha="left", bold=True)
    return canvas.figure

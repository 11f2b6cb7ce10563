"""What the drawings in `diagrams` are made of: boxes, arrows, labels and brackets, in inches.

A drawing's parts have names. The part that is named in `highlight` is drawn in orange with a
thick edge and the rest fades, so that the same drawing can come back for each part in turn.
"""

import functools
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path

from utils import figures

INK, LINE = "#222222", "#555555"
#: Fill and edge of each kind of box: Okabe and Ito's palette, in tints that carry dark text.
KINDS = {
    "data": ("#FFFFFF", "#666666"),
    "layer": ("#D6E9F5", "#0072B2"),
    "state": ("#D5EFE5", "#009E73"),
    "target": ("#F5E1EC", "#B3589A"),
}
HIGHLIGHTED = ("#FFC857", "#222222")
FADED, FADED_EDGE, FADED_INK = "#F7F7F7", "#B5B5B5", "#6B6B6B"

#: Fonts that have Chinese characters, of which the first that is installed is used.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "SimHei",
)


@functools.cache
def _fonts():
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CHINESE_FONTS if name in installed][:1]]


@dataclass(frozen=True)
class Box:
    """Where a box lies: its centre and size, and the middles of its sides as points."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self):
        return self.x - self.width / 2, self.y

    @property
    def right(self):
        return self.x + self.width / 2, self.y

    @property
    def top(self):
        return self.x, self.y + self.height / 2

    @property
    def bottom(self):
        return self.x, self.y - self.height / 2


class Canvas:
    """An empty drawing of `width` by `height` inches; the origin is at the lower left.

    Args:
        width, height: In inches. Text of s points is 5 * s / width pixels on a phone's 360.
        highlight: The name of the part to be explained, or several names.
        texts: What is written in place of the English texts or lines, as a dict; what it lacks
            stays as it is.
    """

    def __init__(self, width, height, highlight=(), texts=None):
        self.width, self.height = width, height
        self.highlight = [highlight] if isinstance(highlight, str) else list(highlight)
        self.texts = texts or {}
        self.parts = []
        self.figure = plt.figure(figsize=(width, height), layout="none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.axis("off")

    def is_highlighted(self, part):
        """Note that there is such a part (or are such parts); True where it is explained."""
        names = [part] if isinstance(part, str) else part or []
        self.parts += [name for name in names if name not in self.parts]
        return any(name in self.highlight for name in names)

    def _style(self, part, kind):
        """Fill, edge, ink and line width."""
        if self.is_highlighted(part):
            return *HIGHLIGHTED, INK, 2.2
        if self.highlight:
            return FADED, FADED_EDGE, FADED_INK, 1.2
        return *KINDS[kind], INK, 1.2

    def box(self, x, y, width, height, text="", part=None, kind="layer", size=10):
        """A box around the centre (x, y) with text in it; returns its Box."""
        fill, edge, ink, line = self._style(part, kind)
        corner = min(0.08, height / 4, width / 4)
        patch = FancyBboxPatch(
            (x - width / 2 + corner, y - height / 2 + corner),
            width - 2 * corner,
            height - 2 * corner,
            boxstyle=f"round,pad={corner}",
            facecolor=fill,
            edgecolor=edge,
            linewidth=line,
            zorder=2.2 if part and self.is_highlighted(part) else 2,
        )
        self.axes.add_patch(patch)
        self._text(x, y, text, size, ink, patch)
        return Box(x, y, width, height)

    def panel(self, x, y, width, height):
        """Shade a rectangle around the centre (x, y), behind all else."""
        low = x - width / 2, y - height / 2
        self.axes.add_patch(Rectangle(low, width, height, facecolor="#F4F4F4", zorder=0))

    def circle(self, x, y, text="", part=None, kind="data", radius=0.15, size=11):
        """A circle around (x, y) with a character in it; returns its Box."""
        fill, edge, ink, line = self._style(part, kind)
        patch = Circle((x, y), radius, facecolor=fill, edgecolor=edge, linewidth=line, zorder=3)
        self.axes.add_patch(patch)
        self._text(x, y, text, size, ink, patch)
        return Box(x, y, 2 * radius, 2 * radius)

    def arrow(self, *points, part=None, head=True, dashed=False, width=1.4, colour=LINE):
        """A line through the points, its corners rounded, with a head at the last."""
        if dashed and head:  # else the head's outline is dashed too
            style = {"part": part, "width": width, "colour": colour}
            turn = _towards(points[-1], points[-2], 0.15)
            self.arrow(*points[:-1], turn, **style, head=False, dashed=True)
            points, dashed = (turn, points[-1]), False
        if self.is_highlighted(part):
            colour, width, order = "#B34700", width + min(1.2, width), 1.8
        else:
            colour, order = (FADED_EDGE, 1) if self.highlight else (colour, 1)
        patch = FancyArrowPatch(
            path=_rounded(points),
            arrowstyle="-|>" if head else "-",
            mutation_scale=11,
            color=colour,
            linewidth=width,
            linestyle=(0, (3, 2)) if dashed else "-",
            capstyle="butt",
            joinstyle="round",
            zorder=order,
        )
        self.axes.add_patch(patch)

    def bracket(self, left, right, y, text, part=None, above=True, size=10):
        """A bracket from `left` to `right` over (or under) height y, with a label."""
        way = 1 if above else -1
        tick = y + way * 0.08
        ends = [(left, y), (left, tick), (right, tick), (right, y)]
        self.arrow(*ends, part=part, head=False)
        self.label((left + right) / 2, tick + way * 0.13, text, part=part, size=size)

    def label(self, x, y, text, part=None, size=10, ha="center", bold=False):
        """Text without a box; with its part highlighted it is bold."""
        chosen = self.is_highlighted(part)
        ink = INK if chosen or not self.highlight else FADED_INK
        drawn = self._text(x, y, text, size, ink, None, ha)
        if drawn and (chosen or bold):
            drawn.set_fontweight("bold")

    def _text(self, x, y, text, size, ink, inside, ha="center"):
        if text == "":
            return None
        lines = self.texts.get(text, text).split("\n")
        text = "\n".join(self.texts.get(line, line) for line in lines)
        drawn = self.axes.text(
            x,
            y,
            text,
            size=size,
            color=ink,
            ha=ha,
            va="center",
            fontfamily=_fonts(),
            linespacing=1.15,
            zorder=4,
        )
        drawn.inside = inside  # the patch it is written on, for those who check
        return drawn

    def check_highlight(self, name):
        """Close the figure and raise a ValueError where a part to be highlighted is unknown."""
        for part in self.highlight:
            if part not in self.parts:
                plt.close(self.figure)
                raise ValueError(
                    f'{name}() has no part "{part}" to highlight; its parts are: '
                    f"{', '.join(self.parts)}."
                )

    def show(self, name, alt):
        """End the drawing `name`: check the highlight, and show it with its alternative text."""
        self.check_highlight(name)
        if self.highlight:
            alt = f"{alt} Highlighted: {', '.join(self.highlight)}."
        figures.show(self.figure, alt)


def _rounded(points, radius=0.08):
    """The path through the points, with rounded corners."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        vertices += [_towards(corner, before, radius), corner, _towards(corner, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _towards(start, end, distance):
    dx, dy = end[0] - start[0], end[1] - start[1]
    share = min(0.5, distance / max((dx**2 + dy**2) ** 0.5, 1e-9))
    return start[0] + share * dx, start[1] + share * dy

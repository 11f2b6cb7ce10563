"""Drawings of how things work, one line each: `diagrams.lstm_cell(highlight="forget gate")`.

Each function shows its drawing, with alternative text, through `figures.show`. All take

    highlight   the part to be explained, or several: drawn in orange, while the rest fades
    texts       a dict from English texts, or lines of them, to another language's

and raise a ValueError that lists the drawing's parts when `highlight` is none of them.
"""

from utils.diagrams.animations import animate, image_history, sliding_kernel
from utils.diagrams.attention import (
    attention,
    heads,
    query_key_value,
    shifted_targets,
    transformer_block,
)
from utils.diagrams.networks import game, network, stack
from utils.diagrams.recurrent import lstm_cell, recurrent, window

__all__ = [
    "animate",
    "attention",
    "game",
    "heads",
    "image_history",
    "lstm_cell",
    "network",
    "query_key_value",
    "recurrent",
    "shifted_targets",
    "sliding_kernel",
    "stack",
    "transformer_block",
    "window",
]

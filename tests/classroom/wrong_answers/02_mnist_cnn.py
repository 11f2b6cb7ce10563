"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "kernel flipped": (
        "convolve",
        "left : left + columns] * kernel).sum()",
        "left : left + columns] * kernel[::-1, ::-1]).sum()",
    ),
    "stride shortens the result but does not move the kernel": (
        "convolve",
        "top, left = i * stride, j * stride",
        "top, left = i, j",
    ),
    "padding at the bottom and on the right only": (
        "convolve",
        "np.pad(image, padding)",
        "np.pad(image, (0, 2 * padding))",
    ),
    "a square kernel taken for granted": (
        "convolve",
        "(height, width), (rows, columns) = image.shape, kernel.shape",
        "(height, width), (rows, columns) = image.shape, (len(kernel), len(kernel))",
    ),
    "mean in place of the largest": (
        "max_pool",
        "squares.max(",
        "squares.mean(",
    ),
    "largest over the channels too": (
        "max_pool",
        "squares.max(axis=(1, 3))",
        "np.broadcast_to(squares.max(axis=(1, 3, 4))[..., None], (rows, columns, channels))",
    ),
    "rows and columns in the wrong order": (
        "max_pool",
        "whole.reshape(rows, size, columns, size, channels)",
        "whole.reshape(size, rows, size, columns, channels)",
    ),
    "starts from 0, which swallows negative numbers": (
        "max_pool",
        "squares.max(axis=(1, 3))",
        "squares.max(axis=(1, 3), initial=0)",
    ),
    "bias forgotten": (
        "layer_size",
        "kernel * kernel * channels * filters + filters",
        "kernel * kernel * channels * filters",
    ),
    "one channel taken for granted": (
        "layer_size",
        "kernel * kernel * channels * filters",
        "kernel * kernel * filters",
    ),
    "same rounded down": (
        "layer_size",
        "-(-height // stride), -(-width // stride)",
        "height // stride, width // stride",
    ),
    "program copied, not mended": (
        "debug",
        "confusion.sum(axis=0), 1)\n    recall = right / np.maximum(confusion.sum(axis=1), 1)",
        "confusion.sum(axis=1), 1)\n    recall = right / np.maximum(confusion.sum(axis=0), 1)",
    ),
    "turned twice: axes swapped, matrix transposed": (
        "debug",
        "confusion[label, call] += 1",
        "confusion[call, label] += 1",
    ),
    "precision mended, recall left equal to it": (
        "debug",
        "confusion.sum(axis=1), 1)",
        "confusion.sum(axis=0), 1)",
    ),
}

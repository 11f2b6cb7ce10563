"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "unknown words become padding": (
        "encode",
        "number.get(word, 1)",
        "number.get(word, 0)",
    ),
    "unknown words left out": (
        "encode",
        "[number.get(word, 1) for word in text.lower().split()]",
        "[number[word] for word in text.lower().split() if word in number]",
    ),
    "beginning cut off in place of the end": (
        "encode",
        "[:length]",
        "[-length:]",
    ),
    "padding in front": (
        "encode",
        "row[: len(numbers)] = numbers",
        "row[length - len(numbers) :] = numbers",
    ),
    "numbers from 0, as if there were no padding": (
        "encode",
        "place + 2",
        "place",
    ),
    "mean over padding": (
        "masked_mean",
        "return (x * weights).sum(axis=1) / count",
        "return x.mean(axis=1)",
    ),
    "padding set to 0, but counted": (
        "masked_mean",
        "/ count",
        "/ x.shape[1]",
    ),
    "divided by 0 for a text without words": (
        "masked_mean",
        "np.maximum(weights.sum(axis=1), 1)",
        "weights.sum(axis=1)",
    ),
    "divided by the words of the whole batch": (
        "masked_mean",
        "np.maximum(weights.sum(axis=1), 1)",
        "max(weights.sum() / len(x), 1)",
    ),
    "positions made, but not added": (
        "embedding",
        "return self.words(tokens) + self.positions(keras.ops.arange(tokens.shape[1]))",
        "self.positions(keras.ops.arange(tokens.shape[1]))\n        return self.words(tokens)",
    ),
    "positions beside the words in place of added": (
        "embedding",
        "return self.words(tokens) + self.positions(keras.ops.arange(tokens.shape[1]))",
        "places = keras.ops.broadcast_to(keras.ops.arange(tokens.shape[1]), tokens.shape)\n"
        "        return keras.ops.concatenate([self.words(tokens), "
        "self.positions(places)], axis=-1)",
    ),
    "position 0 for every word": (
        "embedding",
        "keras.ops.arange(tokens.shape[1])",
        "keras.ops.zeros(tokens.shape[1])",
    ),
    "program copied, not mended": (
        "debug",
        "x = x + keras.layers.Embedding(length, d)(places)\n"
        "    x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)",
        "x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)\n"
        "    x = x + keras.layers.Embedding(length, d)(places)",
    ),
    "positions added after the mean": (
        "debug",
        "x = x + keras.layers.Embedding(length, d)(places)\n"
        "    x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)\n"
        "    x = keras.layers.GlobalAveragePooling1D()(x)",
        "x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)\n"
        "    x = keras.layers.GlobalAveragePooling1D()(x)\n"
        "    x = x + keras.ops.mean(keras.layers.Embedding(length, d)(places), axis=1)",
    ),
    "the same position everywhere": (
        "debug",
        " + keras.ops.arange(length)",
        "",
    ),
    "positions put beside the vectors, too late": (
        "debug",
        "x = x + keras.layers.Embedding(length, d)(places)\n"
        "    x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)",
        "x = x + keras.layers.MultiHeadAttention(num_heads=2, key_dim=d // 2)(x, x)\n"
        "    x = keras.ops.concatenate([x, keras.layers.Embedding(length, "
        "d)(places)], axis=-1)",
    ),
}

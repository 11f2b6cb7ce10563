"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "softmax over the queries": (
        "attention",
        "weights.sum(axis=-1, keepdims=True)",
        "weights.sum(axis=0, keepdims=True)",
    ),
    "no scaling": (
        "attention",
        "q @ k.T / np.sqrt(k.shape[-1])",
        "q @ k.T",
    ),
    "divided by d in place of its root": (
        "attention",
        "np.sqrt(k.shape[-1])",
        "k.shape[-1]",
    ),
    "scaled by the number of keys": (
        "attention",
        "np.sqrt(k.shape[-1])",
        "np.sqrt(k.shape[0])",
    ),
    "mask multiplied after softmax": (
        "attention",
        "if mask is not None:\n"
        "        scores = np.where(mask, scores, -1e9)\n"
        "    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
        "    weights /= weights.sum(axis=-1, keepdims=True)\n",
        "weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
        "    weights /= weights.sum(axis=-1, keepdims=True)\n"
        "    if mask is not None:\n"
        "        weights = weights * mask\n",
    ),
    "masked scores set to 0": (
        "attention",
        "-1e9",
        "0",
    ),
    "mask turned over": (
        "attention",
        "np.where(mask, scores, -1e9)",
        "np.where(mask, -1e9, scores)",
    ),
    "reshape in place of transpose when cutting": (
        "heads",
        "x.reshape(batch, tokens, heads, d // heads).transpose(0, 2, 1, 3)",
        "x.reshape(batch, heads, tokens, d // heads)",
    ),
    "reshape in place of transpose when joining": (
        "heads",
        "x.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * d_head)",
        "x.reshape(batch, tokens, heads * d_head)",
    ),
    "heads interleaved": (
        "heads",
        "x.reshape(batch, tokens, heads, d // heads).transpose(0, 2, 1, 3)",
        "x.reshape(batch, tokens, d // heads, heads).transpose(0, 3, 1, 2)",
    ),
    "a token may not look at itself": (
        "allowed",
        "np.tril(np.ones((tokens, tokens), bool))",
        "np.tril(np.ones((tokens, tokens), bool), -1)",
    ),
    "one token ahead allowed": (
        "allowed",
        "np.tril(np.ones((tokens, tokens), bool))",
        "np.tril(np.ones((tokens, tokens), bool), 1)",
    ),
    "looks ahead in place of back": (
        "allowed",
        "np.tril(",
        "np.triu(",
    ),
    "padding as queries in place of keys": (
        "allowed",
        "np.repeat(real[:, None, :], tokens, axis=1)",
        "np.repeat(real[:, :, None], tokens, axis=2)",
    ),
    "program copied, not mended": (
        "debug",
        "axis=-1",
        "axis=2",
    ),
    "softmax over the heads": (
        "debug",
        "axis=-1",
        "axis=1",
    ),
    "rows made to sum to 1 afterwards": (
        "debug",
        "axis=-1)",
        "axis=2)\n    weights = weights / ops.sum(weights, axis=-1, keepdims=True)",
    ),
    "mask dropped along the way": (
        "debug",
        "ops.where(mask, scores, -1e9)",
        "scores",
    ),
}

"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "targets not moved": (
        "examples",
        "tokens[1 : count * block + 1]",
        "tokens[: count * block]",
    ),
    "moved by two": (
        "examples",
        "count = (len(tokens) - 1) // block\n"
        "    inputs, targets = tokens[: count * block], tokens[1 : count * block + 1]",
        "count = (len(tokens) - 2) // block\n"
        "    inputs, targets = tokens[: count * block], tokens[2 : count * block + 2]",
    ),
    "targets begin anew in each block": (
        "examples",
        "return inputs.reshape(count, block), targets.reshape(count, block)",
        "inputs = inputs.reshape(count, block)\n    return inputs, np.roll(inputs, -1, axis=1)",
    ),
    "mask lets one token ahead through": (
        "causal_attention",
        "np.tril(np.ones((tokens, tokens), bool))",
        "np.tril(np.ones((tokens, tokens), bool), 1)",
    ),
    "token does not see itself": (
        "causal_attention",
        "np.tril(np.ones((tokens, tokens), bool))",
        "np.tril(np.ones((tokens, tokens), bool), -1)",
    ),
    "no scaling": (
        "causal_attention",
        " / np.sqrt(d)",
        "",
    ),
    "later scores set to 0": (
        "causal_attention",
        "scores, -1e9)",
        "scores, 0)",
    ),
    "multiplied with the temperature": (
        "sampling",
        "logits / temperature",
        "logits * temperature",
    ),
    "top-p without the token that crosses it": (
        "sampling",
        "before = np.cumsum(p[order]) - p[order]",
        "before = np.cumsum(p[order])",
    ),
    "what is left not scaled": (
        "sampling",
        "return p / p.sum()",
        "return p",
    ),
    "temperature applied to the probabilities": (
        "sampling",
        "logits = logits / temperature\n"
        "    if top_k is not None:\n"
        "        logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)\n"
        "    p = np.exp(logits - logits.max())\n",
        "if top_k is not None:\n"
        "        logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)\n"
        "    p = np.exp(logits - logits.max()) / temperature\n",
    ),
    "top-k keeps one too many": (
        "sampling",
        "np.sort(logits)[-top_k]",
        "np.sort(logits)[-top_k - 1]",
    ),
    "new token looks at the earlier ones alone": (
        "cached_step",
        "keys, values = np.concatenate([keys, k[None]]), np.concatenate([values, "
        "v[None]])\n"
        "    scores = keys @ q / np.sqrt(len(q))\n"
        "    weights = np.exp(scores - scores.max())\n"
        "    return weights / weights.sum() @ values, keys, values",
        "if len(keys) == 0:\n"
        "        return v, k[None], v[None]\n"
        "    weights = np.exp(keys @ q / np.sqrt(len(q)))\n"
        "    output = weights / weights.sum() @ values\n"
        "    return output, np.concatenate([keys, k[None]]), np.concatenate([values, "
        "v[None]])",
    ),
    "new token put in front": (
        "cached_step",
        "np.concatenate([keys, k[None]]), np.concatenate([values, v[None]])",
        "np.concatenate([k[None], keys]), np.concatenate([v[None], values])",
    ),
    "values not cached": (
        "cached_step",
        "return weights / weights.sum() @ values, keys, values",
        "return weights / weights.sum() @ values, keys, values[-1:]",
    ),
    "cache forgets all but the last two": (
        "cached_step",
        "keys, values = np.concatenate([keys, k[None]]), np.concatenate([values, v[None]])",
        "keys, values = np.concatenate([keys, k[None]])[-2:], "
        "np.concatenate([values, v[None]])[-2:]",
    ),
    "program copied, not mended": (
        "debug",
        "np.tril(np.ones((length, length), bool))",
        "np.tril(np.ones((length, length), bool), 1)",
    ),
    "off by one the other way": (
        "debug",
        "np.tril(np.ones((length, length), bool))",
        "np.tril(np.ones((length, length), bool), -1)",
    ),
    "no mask at all": (
        "debug",
        "attention(x, x, attention_mask=may_look[None])",
        "attention(x, x)",
    ),
    "mask turned over": (
        "debug",
        "np.tril(",
        "np.triu(",
    ),
    "attention taken out": (
        "debug",
        "x = x + attention(x, x, attention_mask=may_look[None])\n    ",
        "",
    ),
}

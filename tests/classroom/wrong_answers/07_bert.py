"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "all chosen tokens become [MASK]": (
        "make_blanks",
        "return np.where(chosen & (kind >= 0.8) & (kind < 0.9), drawn, inputs), chosen",
        "return np.where(chosen, 4, tokens), chosen",
    ),
    "special tokens chosen too": (
        "make_blanks",
        " & (tokens >= 5)",
        "",
    ),
    "the 80 % taken of all tokens in place of the chosen": (
        "make_blanks",
        "np.where(chosen & (kind < 0.8), 4, tokens)",
        "np.where(kind < 0.8 * rate, 4, tokens)",
    ),
    "random tokens may be special": (
        "make_blanks",
        "rng.integers(5, words, tokens.shape)",
        "rng.integers(0, words, tokens.shape)",
    ),
    "20 % random, none kept": (
        "make_blanks",
        "(kind >= 0.8) & (kind < 0.9)",
        "(kind >= 0.8)",
    ),
    "says which tokens changed in place of which were chosen": (
        "make_blanks",
        "return np.where(chosen & (kind >= 0.8) & (kind < 0.9), drawn, inputs), chosen",
        "inputs = np.where(chosen & (kind >= 0.8) & (kind < 0.9), drawn, inputs)\n"
        "    return inputs, inputs != tokens",
    ),
    "one random token for all": (
        "make_blanks",
        "rng.integers(5, words, tokens.shape)",
        "rng.integers(5, words)",
    ),
    "segments forgotten": (
        "embed",
        " + segment_table[segments]",
        "",
    ),
    "positions forgotten": (
        "embed",
        "token_table[tokens] + positions +",
        "token_table[tokens] +",
    ),
    "the position's row looked up by the token": (
        "embed",
        "position_table[: tokens.shape[1]]",
        "position_table[tokens % len(position_table)]",
    ),
    "put side by side in place of added": (
        "embed",
        "return token_table[tokens] + positions + segment_table[segments]",
        "positions = np.broadcast_to(positions, (len(tokens), *positions.shape))\n"
        "    return np.concatenate([token_table[tokens], positions, "
        "segment_table[segments]], axis=-1)",
    ),
    "pre-norm": (
        "block",
        "a = norm_1(x + attention(x))\n    return norm_2(a + feed_forward(a))",
        "a = x + attention(norm_1(x))\n    return a + feed_forward(norm_2(a))",
    ),
    "nothing added around attention": (
        "block",
        "norm_1(x + attention(x))",
        "norm_1(attention(x))",
    ),
    "second sum with the block's input": (
        "block",
        "norm_2(a + feed_forward(a))",
        "norm_2(x + feed_forward(a))",
    ),
    "normalised before the sum": (
        "block",
        "norm_1(x + attention(x))",
        "x + norm_1(attention(x))",
    ),
    "program copied, not mended": (
        "debug",
        "[chosen].mean()\n    accuracy = (logits.argmax(axis=-1) == tokens)[chosen].mean()",
        ".mean()\n    accuracy = (logits.argmax(axis=-1) == tokens).mean()",
    ),
    "loss mended, accuracy not": (
        "debug",
        "== tokens)[chosen].mean()",
        "== tokens).mean()",
    ),
    "divided by all tokens": (
        "debug",
        "axis=-1)[chosen].mean()",
        "axis=-1)[chosen].sum() / tokens.size",
    ),
    "judged on the tokens that are not blank": (
        "debug",
        "axis=-1)[chosen].mean()\n    accuracy = (logits.argmax(axis=-1) == tokens)[chosen]",
        "axis=-1)[~chosen].mean()\n    accuracy = (logits.argmax(axis=-1) == tokens)[~chosen]",
    ),
    "blanks shown to the network": (
        "debug",
        "np.asarray(network(inputs))",
        "np.asarray(network(tokens))",
    ),
}

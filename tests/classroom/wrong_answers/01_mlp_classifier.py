"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "softmax over the batch in place of the classes": (
        "softmax",
        "exponentials.sum(axis=1, keepdims=True)",
        "exponentials.sum(axis=0, keepdims=True)",
    ),
    "softmax that overflows": (
        "softmax",
        "np.exp(logits - logits.max(axis=1, keepdims=True))",
        "np.exp(logits)",
    ),
    "softmax with the largest logit of the whole batch subtracted": (
        "softmax",
        "logits.max(axis=1, keepdims=True)",
        "logits.max()",
    ),
    "cross-entropy summed over the batch": (
        "cross_entropy",
        ".mean()",
        ".sum()",
    ),
    "cross-entropy of all classes": (
        "cross_entropy",
        "probabilities[np.arange(len(labels)), labels]",
        "probabilities[:, labels]",
    ),
    "ReLU on the logits too": (
        "forward",
        "return hidden, hidden @ kernel_2 + bias_2",
        "return hidden, np.maximum(0, hidden @ kernel_2 + bias_2)",
    ),
    "hidden bias forgotten": (
        "forward",
        "x @ kernel_1 + bias_1",
        "x @ kernel_1",
    ),
    "gradient summed over the batch": (
        "gradient_step",
        " / len(x)",
        "",
    ),
    "gradient through units that are 0": (
        "gradient_step",
        " * (hidden > 0)",
        "",
    ),
    "step uphill": (
        "gradient_step",
        "w - rate * gradient",
        "w + rate * gradient",
    ),
    "program copied, not mended": (
        "debug",
        "keras.layers.Dense(y.shape[1])",
        'keras.layers.Dense(y.shape[1], activation="softmax")',
    ),
    "logits given to a loss that expects probabilities": (
        "debug",
        "loss=cross_entropy_loss",
        'loss="categorical_crossentropy"',
    ),
}

"""Plausible wrong answers: name -> (answer cell, text of the reference solution, what replaces it).

Each has to lose points in the test of its answer cell, and in no other.
"""

WRONG = {
    "stamps overwrite each other": (
        "transposed",
        "+= image[i, j] * kernel",
        "= image[i, j] * kernel",
    ),
    "size times stride taken for the output's": (
        "transposed",
        "np.zeros(((height - 1) * stride + rows, (width - 1) * stride + columns))",
        "np.zeros((height * stride, width * stride))",
    ),
    "kernel flipped": (
        "transposed",
        "image[i, j] * kernel",
        "image[i, j] * kernel[::-1, ::-1]",
    ),
    "real and fake swapped": (
        "discriminator_loss",
        "softplus(-real_logits))\n    on_fake = keras.ops.mean(keras.ops.softplus(fake_logits))",
        "softplus(real_logits))\n    on_fake = keras.ops.mean(keras.ops.softplus(-fake_logits))",
    ),
    "fakes do not count": (
        "discriminator_loss",
        "return on_real + on_fake",
        "return on_real",
    ),
    "logarithm of a sigmoid that overflows": (
        "discriminator_loss",
        "keras.ops.softplus(fake_logits)",
        "-keras.ops.log(1 - keras.ops.sigmoid(fake_logits))",
    ),
    "lowers ln(1 - p)": (
        "generator_loss",
        "keras.ops.mean(keras.ops.softplus(-fake_logits))",
        "-keras.ops.mean(keras.ops.softplus(fake_logits))",
    ),
    "wants its fakes to be called fake": (
        "generator_loss",
        "softplus(-fake_logits)",
        "softplus(fake_logits)",
    ),
    "moves both players": (
        "generator_step",
        "weights = generator.trainable_variables",
        "weights = generator.trainable_variables + discriminator.trainable_variables",
    ),
    "moves the discriminator": (
        "generator_step",
        "weights = generator.trainable_variables",
        "weights = discriminator.trainable_variables",
    ),
    "fakes made outside of the tape": (
        "generator_step",
        "with tf.GradientTape() as tape:\n        value = loss(discriminator(generator(latent)))",
        "fakes = generator(latent)\n"
        "    with tf.GradientTape() as tape:\n"
        "        value = loss(discriminator(fakes))",
    ),
    "program copied, not mended": (
        "debug",
        "losses = []",
        "discriminator.trainable = False\n    losses = []",
    ),
    "unfrozen, but both learn in the generator's step": (
        "debug",
        "weights = generator.trainable_variables",
        "weights = generator.trainable_variables + discriminator.trainable_variables",
    ),
    "frozen after the first round": (
        "debug",
        "losses.append(float(loss))",
        "losses.append(float(loss))\n        discriminator.trainable = False",
    ),
}

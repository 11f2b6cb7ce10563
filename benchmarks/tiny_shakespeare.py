"""GPTs on Tiny Shakespeare: notebook 08's recipe beside nanoGPT's, and writing with a cache.

"seconds" are those of the clock, from the end of the first steps, when everything is compiled, to
the last step, with the share of the first steps added; "core_seconds" add up what the cores
worked. The loss is that over the last 111,540 characters, in nats: "loss" with each character
predicted once, from the second half of a window on (so the model sees at least half of its
context), "loss_nanogpt" the mean over whole windows laid side by side, as nanoGPT measures it on
windows drawn at random.

"n-grams" are notebook 08's own counts, "Kneser-Ney" is counting at its best; both are exact, with
a loss for each n, the characters in a run.

"writing" is greedy, 512 tokens after a prompt of 8, by the network of notebook 08 with a context
of 520 and random weights: with a cache, without one, and without one on a text that grows; each is
compiled (the last without XLA, which wants fixed shapes). It takes the best of three.
"""

import time

import numpy as np

DATA = ("tiny_shakespeare",)
NANOGPT = {"context": 64, "n_layers": 4, "heads": 4, "d_model": 128}


def ours(recipe, text, seed, callback):
    """Notebook 08's network and training."""
    model = recipe.GPT(65, **recipe.OURS)
    model.build()
    recipe.train_on(model, text, recipe.STEPS, seed, callbacks=[callback])
    return model


def ours_by_adam(recipe, text, seed, callback):
    """The same network, trained by Adam, with the best rate of those tried."""
    import keras

    model = recipe.GPT(65, **recipe.OURS)
    model.build()
    steps = 1600  # without Muon's arithmetic a step takes less
    rate = keras.optimizers.schedules.PolynomialDecay(0.004, steps, 0.0)
    fit(recipe, model, keras.optimizers.Adam(rate, beta_2=0.99), text, steps, 32, seed, callback)
    return model


def fit(recipe, model, optimizer, text, steps, batch, seed, callback, jit_compile=True):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=jit_compile, steps_per_execution=10)
    rng = np.random.default_rng(seed)
    x, y = recipe.windows(text, steps * batch, model.context, rng)
    model.fit(x, y, batch_size=batch, shuffle=False, verbose=0, callbacks=[callback])


def nanogpt(recipe, text, seed, callback, jit_compile=False):
    """nanoGPT's recipe for a CPU (Karpathy 2022), as its README has it.

    https://github.com/karpathy/nanoGPT: four blocks of width 128, exact GELU, no biases; 2,000
    steps of 12 windows of 64; AdamW with beta_2 = 0.99, weight decay 0.1 on matrices, gradients
    clipped to 1; 100 steps of warm-up to 1e-3, then a cosine down to 1e-4; no dropout; not
    compiled (`--compile=False`): the TensorFlow graph here is not compiled by XLA either.
    """
    import keras

    model = recipe.GPT(65, **NANOGPT, exact_gelu=True)
    model.build()
    for variable in model.weights:
        if variable.path.endswith(("/bias", "/beta")):
            variable.trainable = False
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, 1900, alpha=0.1, warmup_target=1e-3, warmup_steps=100
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma"])
    fit(recipe, model, optimizer, text, 2000, 12, seed, callback, jit_compile)
    return model


def nanogpt_compiled(recipe, text, seed, callback):
    """The same, compiled by XLA as ours is."""
    return nanogpt(recipe, text, seed, callback, jit_compile=True)


def kneser_ney(grams, train, text, longest, base=65):
    """Probabilities of text[1:] by modified Kneser-Ney smoothing, for n = 0 to `longest`.

    Interpolated, as Chen and Goodman (1998) have it. A count gives up a discount: one for runs
    seen once, one for twice, one for more often, each set by how many runs there are of 1, 2, 3
    and 4. What is given up goes to the shorter context, which counts in how many ways it goes on
    backwards, not how often it occurs.

    Args:
        grams: Notebook 08's function of that name; in its numbers the first token is the lowest
            digit.
        train, text: Tokens below `base`.
    """
    seen = [None] + [
        np.unique(grams(train, n, base), return_counts=True) for n in range(1, longest + 1)
    ]
    found = [np.full(len(text) - 1, 1 / base)]
    for top in range(1, longest + 1):
        p = found[0]
        for n in range(1, top + 1):
            runs, count = seen[n]
            if n < top:
                runs, count = np.unique(seen[n + 1][0] // base, return_counts=True)
            discount = discounts(count)
            contexts, of_run = np.unique(runs % base ** (n - 1), return_inverse=True)
            total = np.bincount(of_run, count)
            given_up = np.bincount(of_run, discount[np.minimum(count, 3)])

            wanted = grams(text, n, base)[-len(p) :]
            context = wanted % base ** (n - 1)
            number = look_up(runs, count, wanted)
            kept = number - discount[np.minimum(number, 3).astype(int)]
            total, given_up = (look_up(contexts, x, context) for x in (total, given_up))
            shorter = p[-len(wanted) :]
            smoothed = (kept + given_up * shorter) / np.maximum(total, 1)
            p = np.append(p[: -len(wanted)], np.where(total > 0, smoothed, shorter))
        found.append(p)
    return found


def look_up(known, values, wanted):
    """The value of each element of `wanted`, given those of `known`, which is sorted; else 0."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, values[at], 0)


def discounts(count):
    """What a run gives up that was seen 0, 1, 2 and more times: (4,)."""
    of = np.array([(count == i).sum() for i in range(5)])  # how many runs were seen i times
    if not of[1:].all():  # a tiny alphabet
        return np.array([0, 0.5, 0.5, 0.5])
    share = of[1] / (of[1] + 2 * of[2])
    return np.array([0] + [i - (i + 1) * share * of[i + 1] / of[i] for i in (1, 2, 3)])


def counting(probabilities):
    """The loss of each n for n-grams whose probabilities are worked out in this way."""

    def measured(recipe, train, held_out, seed):
        found = probabilities(recipe, train, held_out, 8)
        losses = [float(-np.log(p).mean()) for p in found]
        return {str(n): round(loss, 4) for n, loss in enumerate(losses)}

    return measured


def trained(network):
    """The loss of a network, and its cost."""

    def measured(recipe, train, held_out, seed):
        import keras

        class Clock(keras.callbacks.Callback):
            start = None

            def on_train_batch_end(self, batch, logs=None):
                self.now, self.cpu, self.last = time.perf_counter(), time.process_time(), batch
                if self.start is None:
                    self.start, self.start_cpu, self.first = self.now, self.cpu, batch

        clock = Clock()
        model = network(recipe, train, seed, clock)
        share = (clock.last + 1) / (clock.last - clock.first)
        nats = recipe.character_nats(model, held_out)
        side_by_side = recipe.character_nats(model, held_out, stride=model.context)
        half = len(held_out) // 2
        return {
            "loss": round(float(nats.mean()), 4),
            "loss_first_half": round(float(nats[:half].mean()), 4),
            "loss_second_half": round(float(nats[half:].mean()), 4),
            "loss_nanogpt": round(float(side_by_side.mean()), 4),
            "seconds": round((clock.now - clock.start) * share, 1),
            "core_seconds": round((clock.cpu - clock.start_cpu) * share, 1),
            "weights": int(sum(np.prod(v.shape) for v in model.trainable_weights)),
        }

    return measured


def writing(recipe, train, held_out, seed, new=512, context=520):
    """Seconds for greedy writing in three ways, and how far their logits are apart."""
    import tensorflow as tf

    model = recipe.GPT(65, **recipe.OURS | {"context": context})
    model.build()
    rng = np.random.default_rng(1)
    model.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
    prompt = rng.integers(0, 65, (1, context - new)).astype("int32")

    @tf.function(input_signature=[tf.TensorSpec((1, None), tf.int32)], reduce_retracing=True)
    def growing(text):
        for _ in tf.range(new):
            tf.autograph.experimental.set_loop_options(
                shape_invariants=[(text, tf.TensorShape((1, None)))]
            )
            token = tf.argmax(model(text)[:, -1], axis=-1, output_type=tf.int32)
            text = tf.concat([text, token[:, None]], axis=1)
        return text[0], None

    ways = {
        "cached": recipe.greedy(model, new, cached=True),
        "plain": recipe.greedy(model, new, cached=False),
        "plain, growing": growing,
    }
    results, seconds = {}, {}
    for name, way in ways.items():
        text, logits = way(prompt)
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            np.array(way(prompt)[0])
            taken.append(time.perf_counter() - start)
        results[name] = np.array(text), logits
        seconds[name] = round(min(taken), 3)
    tokens = [list(text) for text, _ in results.values()]
    difference = np.abs(results["cached"][1] - results["plain"][1]).max()
    return {
        "seconds": seconds,
        "times_faster": round(min(list(seconds.values())[1:]) / seconds["cached"], 1),
        "same_tokens": tokens[0] == tokens[1] == tokens[2],
        "largest_difference": float(f"{difference:.1e}"),
        "different_tokens": len(set(tokens[0])),
    }


RECIPES = {
    "n-grams": counting(lambda recipe, *texts: recipe.ngrams(*texts)),
    "Kneser-Ney": counting(lambda recipe, *texts: kneser_ney(recipe.grams, *texts)),
    "nanoGPT": trained(nanogpt),
    "nanoGPT, compiled": trained(nanogpt_compiled),
    "ours, by Adam": trained(ours_by_adam),
    "ours": trained(ours),
    "writing": writing,
}
PLAN = {recipe: [1, 2, 3] for recipe in RECIPES} | {
    "n-grams": [1],
    "Kneser-Ney": [1],
    "writing": [1],
}


def measure(name, seed):
    """Train one recipe, or count, or write: what is stored."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras

    from utils import datasets
    from utils.recipes import load_recipe

    recipe = load_recipe("08_gpt")
    keras.utils.set_random_seed(seed)
    train = datasets.load("tiny_shakespeare", "train")["text"][0]
    held_out = "".join(datasets.load("tiny_shakespeare", "validation+test")["text"])
    numbers = recipe.make_numbers(train)
    train, held_out = (recipe.encode(text, numbers) for text in (train, held_out))
    return RECIPES[name](recipe, train, held_out, seed)

"""DCGANs on MNIST: notebook 04's recipe beside keras.io's, with the same time for each.

A training ends with the first step after SECONDS of the clock, counted from its second step, so
that tracing is free: how far it comes depends on the machine, and no run repeats exactly.
Then 5,000 images are compared with 5,000 of the test split, with the judge and the distance of
notebook 04: those of the averaged generator where there is one, "not_averaged" those of the
generator itself. "core_seconds" add up what the cores worked.
"""

import time

DATA = ("mnist", "judge")
IMAGES, SECONDS = 5000, 150


def ours(recipe):
    """Notebook 04's networks and training."""
    gan = recipe.make_gan()
    return gan, gan.average, recipe.BATCH, []


def falling(recipe):
    """The same with learning rates that stay for half of the time, then fall to zero."""
    import keras

    class Falling(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.optimizers = self.model.d_optimizer, self.model.g_optimizer
            self.rates = [float(o.learning_rate) for o in self.optimizers]
            self.start = None

        def on_train_batch_end(self, batch, logs=None):
            self.start = self.start or time.perf_counter()
            passed = (time.perf_counter() - self.start) / SECONDS
            for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
                optimizer.learning_rate = rate * min(1, max(0, 2 - 2 * passed))

    gan, *others = ours(recipe)
    return gan, *others[:2], [Falling()]


def plain(recipe):
    """The exercise's DCGAN as it is usually built, with the settings of Radford and others (2015).

    Dense(7·7·128), two transposed convolutions, batch normalisation; two strided convolutions,
    LeakyReLU, dropout of 0.3; Adam at 2e-4 with a beta_1 of 0.5, batches of 128.
    """
    import keras
    from keras import layers

    generator = keras.Sequential(
        [
            keras.Input((100,)),
            layers.Dense(7 * 7 * 128, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Reshape((7, 7, 128)),
            layers.Conv2DTranspose(64, 5, 2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(1, 5, 2, padding="same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (64, 128):
        discriminator.add(layers.Conv2D(filters, 5, 2, padding="same"))
        discriminator.add(layers.LeakyReLU(negative_slope=0.2))
        discriminator.add(layers.Dropout(0.3))
    discriminator.add(layers.Flatten())
    discriminator.add(layers.Dense(1))
    gan = recipe.GAN(generator, discriminator)
    gan.compile(*[keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)])
    return gan, gan.generator, 128, []


def keras_io(recipe):
    """keras.io's DCGAN for MNIST (Chollet 2019), with fit and a train_step of its own.

    The networks and settings of https://keras.io/guides/custom_train_step_in_tensorflow, which
    https://keras.io/examples/generative/dcgan_overriding_train_step had before it went over to
    photographs: 128 random numbers, labels with noise, Adam at 3e-4, batches of 64. Images from
    0 to 1 and a sigmoid there are images from -1 to 1 and twice the sigmoid less 1 here.
    """
    import keras
    import tensorflow as tf
    from keras import layers, ops

    def leaky(layer):
        return [layer, layers.LeakyReLU(negative_slope=0.2)]

    generator = keras.Sequential(
        [
            keras.Input((128,)),
            *leaky(layers.Dense(7 * 7 * 128)),
            layers.Reshape((7, 7, 128)),
            *leaky(layers.Conv2DTranspose(128, 4, 2, padding="same")),
            *leaky(layers.Conv2DTranspose(128, 4, 2, padding="same")),
            layers.Conv2D(1, 7, padding="same", activation="sigmoid"),
            layers.Rescaling(2, -1),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(0.5, 0.5),
            *leaky(layers.Conv2D(64, 3, 2, padding="same")),
            *leaky(layers.Conv2D(128, 3, 2, padding="same")),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    class Published(recipe.GAN):
        def train_step(self, data):
            real, *_ = keras.utils.unpack_x_y_sample_weight(data)
            n = ops.shape(real)[0]
            x = ops.concatenate([self.fakes(n), real])
            labels = ops.concatenate([ops.ones((n, 1)), ops.zeros((n, 1))])  # 1 is fake
            labels += 0.05 * keras.random.uniform((2 * n, 1), seed=self.seeds)
            with tf.GradientTape() as tape:
                d_loss = loss_of(labels, self.discriminator(x, training=True))
            weights = self.discriminator.trainable_variables
            self.d_optimizer.apply(tape.gradient(d_loss, weights), weights)
            with tf.GradientTape() as tape:
                logits = self.discriminator(self.fakes(n), training=True)
                g_loss = loss_of(ops.zeros((n, 1)), logits)
            weights = self.generator.trainable_variables
            self.g_optimizer.apply(tape.gradient(g_loss, weights), weights)
            return {"d_loss": d_loss, "g_loss": g_loss}

    gan = Published(generator, discriminator)
    gan.compile(*[keras.optimizers.Adam(3e-4) for _ in range(2)])
    return gan, gan.generator, 64, []


RECIPES = {
    "keras.io": keras_io,
    "the exercise, plain": plain,
    "ours, falling rates": falling,
    "ours": ours,
}
PLAN = {
    "keras.io": [1, 2],
    "the exercise, plain": [1],
    "ours, falling rates": [1, 2],
    "ours": [1],
}


def measure(name, seed):
    """Train one recipe for SECONDS of the clock, and judge what it draws."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras
    import numpy as np

    from utils import datasets
    from utils.recipes import load_recipe

    class Stop(keras.callbacks.Callback):
        steps = -1

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == 0:
                self.start, self.start_cpu = time.perf_counter(), time.process_time()
            self.seconds = time.perf_counter() - self.start
            self.cpu = time.process_time() - self.start_cpu
            self.model.stop_training = self.seconds >= SECONDS

    recipe = load_recipe("04_dcgan")
    look = recipe.make_judge()
    train, test = datasets.load("mnist", "train[:54000]"), datasets.load("mnist", "test")
    keras.utils.set_random_seed(seed)
    gan, generator, batch, callbacks = RECIPES[name](recipe)
    stop = Stop()
    x = recipe.as_inputs(train["image"])
    gan.fit(x, batch_size=batch, epochs=10_000, verbose=0, callbacks=[*callbacks, stop])

    real = look(test["image"][:IMAGES])[1]

    def judged(generator):
        z = np.random.normal(size=(IMAGES, generator.input_shape[1])).astype("float32")
        images = recipe.as_pixels(generator.predict(z, batch_size=500, verbose=0))
        seen, features = look(images)
        return seen, round(recipe.frechet_distance(features, real), 3)

    seen, distance = judged(generator)
    digits = np.bincount(seen.argmax(axis=1), minlength=10) / IMAGES
    return {
        "distance": distance,
        "not_averaged": distance if generator is gan.generator else judged(gan.generator)[1],
        "confident": round(float((seen.max(axis=1) > 0.9).mean()), 3),
        "rarest": round(float(digits.min()), 3),
        "commonest": round(float(digits.max()), 3),
        "steps": stop.steps,
        "seconds": round(stop.seconds, 1),
        "core_seconds": round(stop.cpu, 1),
        "weights": gan.generator.count_params() + gan.discriminator.count_params(),
    }

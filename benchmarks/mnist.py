"""MNIST: the recipes of notebooks 01 and 02 beside keras.io's, one after the other in one run.

"seconds" are those of the clock, and comparable where nothing else ran; "core_seconds" add up
what the cores worked, and suffer less from company.
"""

import time

import numpy as np

DATA = ("mnist",)


def keras_io(images, labels, seed):
    """The recipe of https://keras.io/examples/vision/mnist_convnet (Chollet 2015).

    Two convolutions, dropout of a half, Adam at its default rate, batches of 128, 15 epochs, with
    a tenth of the training images held out. Published accuracy: 99.2 %.
    """
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    _fit(model, "adam", images, labels, batch_size=128, epochs=15)
    return model


def cnn(classic=False, augmented=False, scheduled=True, **network):
    """Notebook 02's training, with a network of its own and some of its steps left out."""

    def train(images, labels, seed):
        from utils.recipes import load_recipe

        recipe = load_recipe("02_mnist_cnn")
        data = recipe.batches(images, labels, seed, augmented=augmented)
        rate = recipe.schedule(recipe.EPOCHS * len(data)) if scheduled else 0.001
        model = recipe.build_classic() if classic else recipe.build_ours(**network)
        _fit(model, rate, data, epochs=recipe.EPOCHS, shuffle=False)
        return model

    return train


def mlp(images, labels, seed):
    """Notebook 01's network and training."""
    from keras import layers, models

    from utils.recipes import load_recipe

    recipe = load_recipe("01_mlp_classifier")
    epochs, batch_size = recipe.EPOCHS, recipe.BATCH_SIZE
    rate = recipe.schedule(epochs * -(-len(images) // batch_size))
    network = recipe.build_mlp()
    data = recipe.as_rows(images), np.eye(10)[labels]
    _fit(network, rate, *data, loss=recipe.LOSS, batch_size=batch_size, epochs=epochs)
    return models.Sequential([layers.Rescaling(1 / 255), layers.Reshape((784,)), network])


#: Each step of notebook 02 comes on top of those before it.
RECIPES = {
    "keras.io, 15 epochs": keras_io,
    "classic": cnn(classic=True, scheduled=False),
    "two more convolutions": cnn(batch_norm=False, scheduled=False),
    "+ batch normalisation": cnn(scheduled=False),
    "+ schedule": cnn(),
    "+ augmentation: ours": cnn(augmented=True),
    "MLP of notebook 01": mlp,
}
PLAN = {recipe: range(1, 6) for recipe in RECIPES} | {"keras.io, 15 epochs": [1]}


def _fit(model, rate, *data, loss=None, **options):
    import keras

    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(rate if isinstance(rate, str) else keras.optimizers.Adam(rate), loss)
    model.fit(*data, verbose=0, **options)


def measure(name, seed):
    """Train one recipe: its test accuracy, seconds of training and weights."""
    from utils.quiet import load_tensorflow

    load_tensorflow()
    import keras

    from utils import datasets

    train, test = datasets.load("mnist", "train[:54000]"), datasets.load("mnist", "test")
    keras.utils.set_random_seed(seed)
    start, start_cpu = time.perf_counter(), time.process_time()
    model = RECIPES[name](train["image"], train["label"], seed)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    predicted = model.predict(test["image"], batch_size=1000, verbose=0).argmax(axis=1)
    return {
        "accuracy": round(float((predicted == test["label"]).mean()), 4),
        "seconds": round(seconds, 1),
        "core_seconds": round(cpu, 1),
        "weights": model.count_params(),
    }

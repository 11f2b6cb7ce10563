"""Train the judge: notebook 02's network on all of MNIST's training images."""

from pathlib import Path

from utils import datasets
from utils.recipes import load_recipe

JUDGE = Path("judge", "mnist_judge.weights.h5")
SEED = 1


def train_judge(data_dir):
    """Train the network that judges generated digits, and store its weights below `data_dir`.

    It takes pixels (n, 28, 28, 1) from 0 to 255 and gives ten logits. `data_dir` has to hold
    the prepared MNIST. Weights differ a little from processor to processor, so a judge that is
    already there is kept by `make data`: figures that quote it stay comparable.
    """
    import keras

    recipe = load_recipe("02_mnist_cnn")
    train = datasets.load("mnist", "train", data_dir)
    keras.utils.set_random_seed(SEED)
    judge = recipe.build_ours()
    batches = recipe.batches(train["image"], train["label"], SEED)
    judge.compile(
        keras.optimizers.Adam(recipe.schedule(recipe.EPOCHS * len(batches))),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    judge.fit(batches, epochs=recipe.EPOCHS, shuffle=False, verbose=0)

    path = data_dir / JUDGE
    path.parent.mkdir(parents=True, exist_ok=True)
    judge.save_weights(path)  # a whole model would not load in an older Keras, such as Colab's

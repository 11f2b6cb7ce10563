import keras

from utils import ROOT, datasets


def test_the_stored_judge_reads_the_test_digits():
    judge = keras.saving.load_model(ROOT / "data/judge/mnist_judge.keras")
    test = datasets.load("mnist", "test")
    predicted = judge.predict(test["image"], batch_size=1000, verbose=0).argmax(axis=1)
    assert (predicted == test["label"]).mean() >= 0.994

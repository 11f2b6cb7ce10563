from utils import ROOT, datasets
from utils.recipes import load_recipe


def test_the_stored_judge_reads_the_test_digits():
    judge = load_recipe("02_mnist_cnn").build_ours()
    judge.load_weights(ROOT / "data/judge/mnist_judge.weights.h5")
    test = datasets.load("mnist", "test")
    predicted = judge.predict(test["image"], batch_size=1000, verbose=0).argmax(axis=1)
    assert (predicted == test["label"]).mean() >= 0.994

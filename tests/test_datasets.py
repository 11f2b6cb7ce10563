"""The embedded datasets are what data/README.md says, and bad cases end in one clear sentence."""

import functools
import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from utils import ROOT, datasets

SPLITS = ("train", "validation", "test")
load = functools.cache(datasets.load)


def whole(name):
    parts = [load(name, split) for split in SPLITS]
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist(split, counts):
    mnist = load("mnist", split)
    assert mnist["image"].shape == (sum(counts), 28, 28, 1)
    assert mnist["image"].dtype == np.uint8
    assert mnist["label"].dtype == np.int64
    assert np.bincount(mnist["label"]).tolist() == counts
    assert (mnist["image"].min(), mnist["image"].max()) == (0, 255)
    background = mnist["image"][:, [0, -1], :, 0]
    assert background.mean() < 1, "the digits are white on black"
    # A one has the least ink and a zero the most, unless labels and images have come apart.
    ink = [mnist["image"][mnist["label"] == digit].mean() for digit in range(10)]
    assert (np.argmin(ink), np.argmax(ink)) == (1, 0)


def test_order_is_fixed_and_parts_fit_together():
    labels = load("mnist", "test")["label"]
    again = datasets.load("mnist", "test")["label"]
    first, rest = load("mnist", "test[:9000]"), load("mnist", "test[9000:]")
    assert len(first["label"]) == 9000
    assert (again == labels).all()
    assert (np.concatenate([first["label"], rest["label"]]) == labels).all()


def test_tiny_shakespeare():
    texts = [load("tiny_shakespeare", split)["text"] for split in SPLITS]
    assert [(text.shape, type(text[0])) for text in texts] == [((1,), str)] * 3
    assert [len(text[0]) for text in texts] == [1_003_854, 55_770, 55_770]
    corpus = "".join(text[0] for text in texts)
    assert corpus.startswith("First Citizen:\nBefore we proceed any further, hear me speak.")
    assert len(set(corpus)) == 65


def test_movie_sentences():
    counts = [np.bincount(load("movie_sentences", split)["label"]).tolist() for split in SPLITS]
    assert counts == [[4260, 4192], [532, 524], [533, 525]]
    everything = whole("movie_sentences")
    sentence, rating, label = (everything[key] for key in ("sentence", "rating", "label"))
    assert {type(text) for text in sentence} == {str}
    assert rating.dtype == np.float32 and np.abs(rating).max() <= 4
    assert (rating != 0).all()
    assert (label == (rating > 0)).all()
    normalised = {" ".join(text.casefold().split()) for text in sentence}
    assert len(normalised) == len(sentence) == 10_566, "no sentence is in two splits or twice"
    assert not any("\r" in text or "\n" in text or "\ufffd" in text for text in sentence)
    words = np.array(["boring" in text.lower() for text in sentence])
    assert words.sum() > 30 and label[words].mean() < 0.2


def test_bike_sharing_grid_and_splits():
    times = whole("bike_sharing")["timestamp"]
    assert times.dtype == "datetime64[h]"
    assert str(times[0]) == "2011-01-01T00" and str(times[-1]) == "2012-12-31T23"
    assert (np.diff(times) == np.timedelta64(1, "h")).all()
    starts = [(len(x["total"]), str(x["timestamp"][0])) for x in map(load_bike, SPLITS)]
    assert starts == [(13128, "2011-01-01T00"), (2208, "2012-07-01T00"), (2208, "2012-10-01T00")]


def load_bike(split):
    return load("bike_sharing", split)


def test_bike_sharing_counts():
    bike = whole("bike_sharing")
    assert (bike["casual"] + bike["registered"] == bike["total"]).all()
    assert bike["total"].sum() == 3_292_679
    assert (bike["total"].max(), bike["total"][~bike["missing"]].min()) == (977, 1)
    assert [int(load_bike(split)["missing"].sum()) for split in SPLITS] == [125, 0, 40]
    assert bike["missing"].dtype == bool and not bike["total"][bike["missing"]].any()


def test_bike_sharing_weather():
    bike = whole("bike_sharing")
    ranges = {
        "temperature": (-7.06, 39),
        "feels_like": (-16, 50),
        "humidity": (0, 100),
        "wind_speed": (0, 57),
        "weather": (1, 4),
    }
    for column, (low, high) in ranges.items():
        assert (bike[column].min(), bike[column].max()) == pytest.approx((low, high)), column
    january, july = (bike["temperature"][bike["month"] == month].mean() for month in (1, 7))
    assert 0 < january < 6 and 26 < july < 32
    knots = np.unique(np.round(np.arange(3, 32) * 1.852))
    assert set(np.unique(bike["wind_speed"])) == {0, *knots}
    for column in ranges:
        after = np.flatnonzero(bike["missing"])
        assert (bike[column][after] == bike[column][after - 1]).all(), "carried forward"


def test_bike_sharing_calendar():
    bike = whole("bike_sharing")
    times = bike["timestamp"].tolist()
    assert bike["hour"].tolist() == [time.hour for time in times]
    assert bike["weekday"].tolist() == [time.isoweekday() % 7 for time in times]
    assert bike["month"].tolist() == [time.month for time in times]
    assert bike["year"].tolist() == [time.year for time in times]
    weekdays = (bike["weekday"] >= 1) & (bike["weekday"] <= 5)
    assert (bike["working_day"] == (weekdays & ~bike["holiday"])).all()
    assert bike["holiday"].sum() == 21 * 24
    assert set(bike["season"][bike["month"] == 1]) == {1}
    assert set(bike["season"][bike["month"] == 7]) == {3}


@pytest.mark.parametrize("split", ["train[:30]", "test[4990:5010]", "train[:2]+test[-3:]"])
@pytest.mark.parametrize("name", ["mnist", "bike_sharing", "movie_sentences"])
def test_a_few_examples_are_those_of_the_whole(name, split, monkeypatch):
    if name != "mnist":
        split = split.replace("4990:5010", "490:510")
    few = datasets.load(name, split)
    monkeypatch.setattr(datasets, "_FEW", 0)  # reads all with TensorFlow
    same = datasets.load(name, split)
    assert list(few) == list(same)
    for column in same:
        assert few[column].dtype == same[column].dtype
        np.testing.assert_array_equal(few[column], same[column])


def test_a_few_examples_need_no_tensorflow():
    code = "import sys; from utils import datasets; datasets.load('mnist', 'train[:30]')"
    code += "; datasets.class_names('mnist'); sys.exit('tensorflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_class_names():
    assert datasets.class_names("mnist") == list("0123456789")
    assert datasets.class_names("movie_sentences") == ["negative", "positive"]
    with pytest.raises(ValueError, match="bike_sharing has no classes"):
        datasets.class_names("bike_sharing")


@pytest.mark.parametrize("name", ["mnist", "tiny_shakespeare", "movie_sentences", "bike_sharing"])
def test_plain_tfds_reads_them_without_network(name, monkeypatch):
    import tensorflow_datasets as tfds

    def blocked(*arguments, **keywords):
        raise AssertionError("a network call")

    for call in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, call, blocked)
    data, info = tfds.load(name, data_dir=ROOT / "data", download=False, with_info=True)
    for split, examples in data.items():
        assert len(examples) == info.splits[split].num_examples
    assert info.description and info.citation and info.homepage
    if info.supervised_keys:
        pairs = tfds.load(
            name, split="test", data_dir=ROOT / "data", download=False, as_supervised=True
        )
        _, label = next(iter(pairs.take(1).as_numpy_iterator()))
        assert label in range(info.features["label"].num_classes)


def sentence_of(error):
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?"))
    assert error.value.__cause__ is None and error.value.__context__ is None
    return text


@pytest.mark.parametrize("name", ["minst", "MNIST"])
def test_unknown_dataset(name):
    with pytest.raises(ValueError) as error:
        datasets.load(name, "train")
    assert "'bike_sharing', 'mnist', 'movie_sentences' or 'tiny_shakespeare'" in str(error.value)
    assert "Did you mean 'mnist'?" in sentence_of(error)


@pytest.mark.parametrize("split", ["validation", "train[:5", "train[:0]", "", None])
def test_unknown_split(split):
    with pytest.raises(ValueError) as error:
        datasets.load("mnist", split)
    assert f"mnist has no split {split!r}: choose 'train' or 'test'" in sentence_of(error)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        datasets.load("mnist", "train", data_dir=tmp_path / "nowhere")
    assert re.search(r"The folder \S*nowhere\S* is missing: .*make data", sentence_of(error))


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "data/tiny_shakespeare", tmp_path / "tiny_shakespeare")
    shutil.copy(ROOT / "data/checksums.sha256", tmp_path)
    return tmp_path


RECORDS = "tiny_shakespeare-test.tfrecord-00000-of-00001"


@pytest.mark.parametrize("file", [RECORDS, "dataset_info.json", "features.json"])
@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_damaged_file(copy, file, damage):
    path = copy / "tiny_shakespeare/1.0.0" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"truncated": content[: len(content) // 2], "one bit": content, "empty": b""}
    path.write_bytes(damaged[damage])
    with pytest.raises(ValueError) as error:
        datasets.load("tiny_shakespeare", "train", data_dir=copy)
    assert re.search(rf"The file \S*{file} is damaged .*make data", sentence_of(error))


def test_missing_file_and_list(copy):
    assert datasets.load("tiny_shakespeare", "test", data_dir=str(copy))["text"].shape == (1,)
    (copy / "tiny_shakespeare/1.0.0" / RECORDS).unlink()
    with pytest.raises(FileNotFoundError) as error:
        datasets.load("tiny_shakespeare", "train", data_dir=copy)
    assert f"{RECORDS} is missing" in sentence_of(error)
    (copy / "checksums.sha256").write_text("")
    with pytest.raises(ValueError) as error:
        datasets.load("tiny_shakespeare", "train", data_dir=copy)
    assert "does not name the files of tiny_shakespeare" in sentence_of(error)
    (copy / "checksums.sha256").unlink()
    with pytest.raises(FileNotFoundError) as error:
        datasets.load("tiny_shakespeare", "train", data_dir=copy)
    assert "checksums.sha256 is missing" in sentence_of(error)

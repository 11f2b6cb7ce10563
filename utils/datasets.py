"""The course's datasets as NumPy arrays, read from `data/` and never from the network."""

import difflib
import itertools
import logging
import os
import struct
from pathlib import Path

import numpy as np

from utils import ROOT, checksums
from utils.quiet import silent_stderr

_DATA = ROOT / "data"
_VERSIONS = {
    "bike_sharing": "1.0.0",
    "mnist": "3.0.1",
    "movie_sentences": "1.0.0",
    "tiny_shakespeare": "1.0.0",
}

#: Up to this many examples are read without TensorFlow, whose import takes longer: a notebook's
#: first picture need not wait for it.
_FEW = 1000


def load(name: str, split: str, data_dir: str | os.PathLike | None = None) -> dict[str, np.ndarray]:
    """Returns one split of a dataset as {column: array of n examples}.

    The order of the examples is the same at every call. `data/README.md` has the sources,
    the licences and what was changed.

    `"mnist"`: 60,000 handwritten digits in "train", 10,000 in "test" (LeCun, Cortes, Burges).
        image: uint8, (n, 28, 28, 1), 0 black to 255 white. label: int64, (n,), the digit.

    `"tiny_shakespeare"`: "train", "validation" and "test", one example each (Karpathy 2015).
        text: str (dtype object), (1,), 1,115,394 characters in all.

    `"movie_sentences"`: 8,452 sentences in "train", 1,056 in "validation", 1,058 in "test"
        (Hutto and Gilbert 2014).
        sentence: str (dtype object), (n,). rating: float32, (n,), mean of 15 to 29 people,
        -4 to 4. label: int64, (n,), its sign, 0 negative, 1 positive.

    `"bike_sharing"`: every hour of 2011 and 2012 in order of time, "train" to June 2012 (13,128),
        "validation" July to September (2,208), "test" October to December (2,208)
        (Fanaee-T and Gama 2013). All of shape (n,).
        timestamp: datetime64[h], start of the hour, local time. casual, registered, total: int64,
        rentals. weather: int64, 1 clear, 2 mist, 3 light rain or snow, 4 heavy. temperature,
        feels_like: float32, °C. humidity: float32, %. wind_speed: float32, km/h. hour: int64,
        0 to 23. weekday: int64, 0 Sunday to 6 Saturday. month: int64, 1 to 12. year: int64.
        season: int64, 1 winter to 4 autumn. holiday, working_day: bool. missing: bool, the source
        has no row for this hour; its counts are 0, its weather is that of the last hour known.

    Args:
        name: one of the four above.
        split: a split or a part of one in the syntax of TFDS, such as "train",
            "train[:54000]", "train[90%:]" or "validation+test".
        data_dir: the folder with the prepared datasets; by default the repository's `data/`.

    Raises:
        ValueError: the dataset or the split is unknown, or a file is damaged (the files of the
            dataset are compared with `checksums.sha256` at every call).
        FileNotFoundError: the folder or a file is missing.
    """
    builder = _builder(name, data_dir)
    with silent_stderr():
        import tensorflow_datasets as tfds

        _check_split(builder, split)
        if builder.info.splits[split].num_examples <= _FEW:
            return _tidy(_read_few(builder, split))
        # More calls than cores: at TFDS's default MNIST takes twice as long.
        config = tfds.ReadConfig(try_autocache=False, num_parallel_calls_for_decode=64)
        tensors = builder.as_dataset(split=split, batch_size=-1, read_config=config)
        columns = tfds.as_numpy(tensors)

    return _tidy(columns)


def class_names(name: str, data_dir: str | os.PathLike | None = None) -> list[str]:
    """Returns the names of a dataset's classes in the order of its labels.

    Raises:
        ValueError: the dataset is unknown, damaged, or has no classes.
        FileNotFoundError: the folder or a file is missing.
    """
    builder = _builder(name, data_dir)
    with silent_stderr():
        features = builder.info.features
    if "label" not in features:
        raise ValueError(f"{name} has no classes: class_names serves mnist and movie_sentences.")
    return features["label"].names


def _builder(name, data_dir):
    """Returns the TFDS builder that reads the dataset, once its files are verified."""
    if name not in list(_VERSIONS):
        close = difflib.get_close_matches(str(name).lower(), _VERSIONS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"There is no dataset {name!r}: choose {_listed(_VERSIONS)}.{hint}")
    data_dir = _DATA if data_dir is None else Path(data_dir)
    folder = data_dir / name / _VERSIONS[name]
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder {folder} is missing: check data_dir, {checksums.REMEDY}."
        )
    checksums.verify(data_dir, f"{name}/{_VERSIONS[name]}/")
    with silent_stderr():
        import tensorflow_datasets as tfds

        return tfds.builder_from_directory(folder)


def _read_few(builder, split):
    """Returns what TFDS's `as_dataset` gives for the split, without TensorFlow."""
    features, examples = builder.info.features, []
    absl = logging.getLogger("absl")  # through which TFDS recommends OpenCV, once
    level = absl.level
    absl.setLevel(logging.ERROR)
    try:
        for part in builder.info.splits[split].file_instructions:
            records = itertools.islice(_records(part.filename), part.skip, None)
            records = itertools.islice(records, part.take) if part.take >= 0 else records
            examples += [features.deserialize_example_np(record) for record in records]
    finally:
        absl.setLevel(level)
    return {
        name: np.array([example[name] for example in examples], dtype=features[name].np_dtype)
        for name in sorted(features)
    }


def _records(path):
    """Yields the records of a TFRecord file: length (8 bytes), CRC (4), the record, CRC (4)."""
    with open(path, "rb") as stream:
        while head := stream.read(12):
            yield stream.read(struct.unpack("<Q", head[:8])[0])
            stream.read(4)


def _tidy(columns):
    """Returns the columns with text as str and timestamps as datetime64[h]."""
    for column, values in columns.items():
        if values.dtype == object:
            columns[column] = np.array([value.decode("utf-8") for value in values], dtype=object)
    if "timestamp" in columns:
        columns["timestamp"] = columns["timestamp"].astype("datetime64[h]")
    return columns


def _check_split(builder, split):
    try:
        known = builder.info.splits[split].num_examples > 0
    except Exception:  # TFDS raises several kinds, some of them asserts
        known = False
    if not known:
        raise ValueError(
            f"{builder.name} has no split {split!r}: choose {_listed(builder.info.splits)}, "
            "or a part such as 'train[:80%]'."
        )


def _listed(names):
    *head, last = map(repr, names)
    return f"{', '.join(head)} or {last}"

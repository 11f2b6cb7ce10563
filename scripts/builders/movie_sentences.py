"""TFDS builder for sentences from film reviews, each rated by 15 to 29 people."""

import hashlib

import numpy as np
import tensorflow_datasets as tfds

_DESCRIPTION = """\
Sentences from film reviews with the mean of 15 to 29 people's ratings of their sentiment, \
from -4 (most negative) to 4 (most positive), and its sign as label."""

_CITATION = """\
@inproceedings{hutto2014vader,
  title={{VADER}: A Parsimonious Rule-Based Model for Sentiment Analysis of Social Media Text},
  author={Hutto, C. J. and Gilbert, Eric},
  booktitle={International AAAI Conference on Web and Social Media (ICWSM)},
  year={2014}
}
@inproceedings{pang2004sentimental,
  title={A Sentimental Education: Sentiment Analysis Using Subjectivity Summarization Based on \
Minimum Cuts},
  author={Pang, Bo and Lee, Lillian},
  booktitle={Annual Meeting of the Association for Computational Linguistics (ACL)},
  year={2004}
}"""

_LABELS = ("negative", "positive")


class MovieSentences(tfds.core.GeneratorBasedBuilder):
    """Sentences with rating and label, prepared from the source package of vaderSentiment 2.5."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Two classes, without duplicates, split by a hash of the sentence."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put `movieReviewSnippets_GroundTruth.txt` of vaderSentiment 2.5 into `manual_dir`."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "sentence": tfds.features.Text(),
                    "rating": tfds.features.Scalar(np.float32, doc="mean rating, -4 to 4"),
                    "label": tfds.features.ClassLabel(names=_LABELS, doc="sign of the rating"),
                }
            ),
            supervised_keys=("sentence", "label"),
            homepage="https://github.com/cjhutto/vaderSentiment",
            citation=_CITATION,
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.manual_dir / "movieReviewSnippets_GroundTruth.txt"
        sentences = _unique(_read(path))
        splits = {"train": {}, "validation": {}, "test": {}}
        for label in _LABELS:
            keys = sorted(key for key, example in sentences.items() if example["label"] == label)
            first, second = len(keys) * 8 // 10, len(keys) * 9 // 10
            for split, part in zip(
                splits, (keys[:first], keys[first:second], keys[second:]), strict=True
            ):
                splits[split].update({key: sentences[key] for key in part})
        return {split: self._generate_examples(part) for split, part in splits.items()}

    def _generate_examples(self, examples):
        yield from examples.items()


def _read(path):
    """Yields the examples of the source in its order, without those rated exactly 0."""
    with open(path, encoding="utf-8", newline="") as file:
        for line in file.read().split("\r\n"):
            _, rating, sentence = line.split("\t")
            rating = float(rating)
            if rating:
                yield {"sentence": sentence, "rating": rating, "label": _LABELS[rating > 0]}


def _unique(examples):
    """Returns {hash of the normalised sentence: example}, the first of each duplicate.

    Sentences that differ only in case or white space are duplicates. Where duplicates disagree
    in their label, all of them are left out.
    """
    kept, disagreeing = {}, set()
    for example in examples:
        normalised = " ".join(example["sentence"].casefold().split())
        key = hashlib.sha256(normalised.encode("utf-8")).hexdigest()
        if kept.setdefault(key, example)["label"] != example["label"]:
            disagreeing.add(key)
    return {key: example for key, example in kept.items() if key not in disagreeing}

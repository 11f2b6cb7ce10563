"""`make data` on small stand-ins for the originals: the real ones are not in the repository."""

import csv
import dataclasses
import datetime
import functools
import gzip
import hashlib
import http.server
import io
import os
import random
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from unittest import mock

import pytest

from scripts import judge, prepare_data
from utils import ROOT, checksums, datasets

TRAIN, TEST = 30, 10  # digits


def stand_ins() -> dict[str, bytes]:
    """Returns {name: content} in the official formats, with every peculiarity of the originals."""
    chance = random.Random(0)
    files = {"input.txt": ("First Citizen:\nSpeak, speak.\n" * 40).encode()}
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        shape = struct.pack(">4I", 0x803, count, 28, 28)
        files[f"{name}-images-idx3-ubyte"] = shape + chance.randbytes(count * 28 * 28)
        labels = bytes(chance.randrange(10) for _ in range(count))
        files[f"{name}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, count) + labels

    table = io.StringIO()
    columns = "instant dteday season yr mnth hr holiday weekday workingday weathersit temp atemp"
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*columns.split(), "hum", "windspeed", "casual", "registered", "cnt"])
    for number, hour in enumerate(range(0, 24 * 94, 1)):
        moment = datetime.datetime(2012, 6, 30) + datetime.timedelta(hours=hour)
        if moment.hour == 3:
            continue
        row = [number, moment.date(), 3, 1, moment.month, moment.hour, 0, moment.isoweekday() % 7]
        row += [int(moment.isoweekday() < 6), 1 + hour % 4, "0.24", "0.2879", "0.81", "0.0896"]
        writer.writerow([*row, hour % 5, 1, hour % 5 + 1])
    files["hour.csv"] = table.getvalue().encode()

    lines = [f"{i}\t{(-1) ** i * (1 + i / 100)}\tSentence – number {i}" for i in range(1, 61)]
    lines += [
        "61\t0.0\tRated zero",
        "62\t1.5\tSENTENCE –  number 2",
        "63\t-1.5\tsentence – number 4",
    ]
    files["movieReviewSnippets_GroundTruth.txt"] = "\r\n".join(lines).encode()
    return files


def pack(files: dict[str, bytes], folder: Path) -> None:
    """Writes the stand-ins packed as they are published."""
    for name, content in files.items():
        if "ubyte" in name:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(folder / "bike+sharing+dataset.zip", "w") as archive:
        archive.writestr("Readme.txt", "read me")
        archive.writestr("hour.csv", files["hour.csv"])
    name = "movieReviewSnippets_GroundTruth.txt"
    inner = tar_gz(f"hutto_ICWSM_2014/{name}", files[name])
    outer = tar_gz("vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz", inner)
    (folder / "vaderSentiment-2.5.tar.gz").write_bytes(outer)
    (folder / "tinyshakespeare.txt").write_bytes(files["input.txt"])


def tar_gz(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def stand_in_originals() -> tuple[prepare_data.Original, ...]:
    files = stand_ins()
    return tuple(
        dataclasses.replace(original, sha256=hashlib.sha256(files[original.name]).hexdigest())
        for original in prepare_data.ORIGINALS
    )


def stand_in_judge(data_dir: Path) -> None:
    """Stores a file where the trained judge would be, once MNIST is readable."""
    assert len(datasets.load("mnist", "train", data_dir)["label"]) == TRAIN
    (data_dir / judge.JUDGE).parent.mkdir()
    (data_dir / judge.JUDGE).write_text("trained")


def prepare(source: str, target: str) -> None:
    """Runs the script on stand-ins."""
    from tensorflow_datasets.image_classification import mnist

    with (
        mock.patch.object(prepare_data, "ORIGINALS", stand_in_originals()),
        mock.patch.multiple(mnist, _TRAIN_EXAMPLES=TRAIN, _TEST_EXAMPLES=TEST),
        mock.patch.object(judge, "train_judge", stand_in_judge),
    ):
        prepare_data.main(["--from", source, "--to", target])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """Prepared from unpacked files, over an older preparation."""
    source, target = tmp_path_factory.mktemp("unpacked"), tmp_path_factory.mktemp("data")
    for name, content in stand_ins().items():
        (source / name).write_bytes(content)
    (target / "README.md").write_text("stays")
    (target / "mnist/0.0.1").mkdir(parents=True)
    (target / "mnist/0.0.1/old").write_text("goes")
    (target / "references").mkdir()
    for name in ("bert.npz", "gpt.npz"):
        (target / "references" / name).write_text(name)
    checksums.write(target, checksums.compute(target))
    prepare(str(source), str(target))
    return target


@pytest.fixture(scope="module")
def other_process(tmp_path_factory):
    """A fresh process reads a dataset, then prepares from packed files: (process, folder)."""
    source = tmp_path_factory.mktemp("packed")
    target = tmp_path_factory.mktemp("elsewhere") / "new" / "data"
    pack(stand_ins(), source)
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from utils import datasets
assert not any("tensorflow" in module for module in sys.modules)
datasets.load("tiny_shakespeare", "test")
print("loaded", flush=True)
print("loaded", flush=True, file=sys.stderr)
import test_prepare_data
test_prepare_data.prepare({str(source)!r}, {str(target)!r})
"""
    others = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONUTF8": "0"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        env=os.environ | others,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run, target


def test_loading_says_nothing(other_process):
    run, _ = other_process
    assert run.stdout.startswith("loaded\n") and run.stderr.startswith("loaded\n")


def test_same_bytes_from_packed_files_in_another_process(prepared, other_process):
    first, second = contents(prepared), contents(other_process[1])
    for name in ("README.md", "references/bert.npz", "references/gpt.npz", checksums.LIST):
        first.pop(name), second.pop(name, None)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_only_what_reading_needs_and_all_of_it_listed(prepared, other_process):
    listed = checksums.read(prepared)
    assert listed == checksums.compute(prepared)
    assert set(contents(prepared)) == {*listed, checksums.LIST, "README.md"}
    # JSON, splits, files of class names, the judge, the references that were there
    assert len(listed) == 4 * 2 + 2 + 3 * 3 + 1 + 1 + 2
    names = {name for name in listed if not name.startswith("references/")}
    assert checksums.read(other_process[1]) == {name: listed[name] for name in names}
    text = "".join((prepared / name).read_text() for name in listed if name.endswith("json"))
    assert str(prepared) not in text and "preparing" not in text


def test_the_stand_ins_list_is_as_long_as_that_of_data(prepared):
    assert checksums.read(prepared).keys() == checksums.read(ROOT / "data").keys()


@pytest.mark.parametrize("fault", ["a line is missing", "half a line", "no list"])
def test_the_list_is_whole_again_whatever_it_was(tmp_path, fault):
    current, prepared = tmp_path, tmp_path / ".preparing"
    for folder in (current / "mnist", current / "references", prepared / "mnist"):
        folder.mkdir(parents=True)
        (folder / "x").write_text(str(folder))
    checksums.write(current, checksums.compute(current))
    whole = checksums.compute(current) | checksums.compute(prepared)
    text = (current / checksums.LIST).read_text()
    damaged = {"a line is missing": text.splitlines(True)[0], "half a line": text[:100]}
    (current / checksums.LIST).write_text(damaged.get(fault, ""))
    if fault == "no list":
        (current / checksums.LIST).unlink()
    prepare_data.list_checksums(current, prepared)
    assert checksums.read(prepared) == whole


def test_a_damaged_file_that_make_data_does_not_prepare_stays_noticed(tmp_path):
    (tmp_path / "references").mkdir()
    (tmp_path / "references/x").write_text("right")
    checksums.write(tmp_path, checksums.compute(tmp_path))
    (tmp_path / "references/x").write_text("damaged")
    (tmp_path / ".preparing").mkdir()
    prepare_data.list_checksums(tmp_path, tmp_path / ".preparing")
    assert checksums.read(tmp_path / ".preparing") == checksums.read(tmp_path)


def test_a_judge_that_is_there_is_kept(tmp_path):
    for folder in ("current", "prepared"):
        (tmp_path / folder).mkdir()
    (tmp_path / "current" / judge.JUDGE).parent.mkdir()
    (tmp_path / "current" / judge.JUDGE).write_text("kept")
    prepare_data.keep_or_train_judge(tmp_path / "current", tmp_path / "prepared")
    assert (tmp_path / "prepared" / judge.JUDGE).read_text() == "kept"


def test_builders_on_stand_ins(prepared):
    from utils.datasets import load

    read = functools.partial(load, data_dir=prepared)
    images = read("mnist", "train")["image"]
    original = stand_ins()["train-images-idx3-ubyte"][16:]
    digits = {original[i : i + 784] for i in range(0, len(original), 784)}
    assert {image.tobytes() for image in images} == digits and len(images) == TRAIN

    bike = read("bike_sharing", "train+validation+test")
    assert len(bike["total"]) == 24 * 94
    assert (bike["missing"] == (bike["hour"] == 3)).all()
    assert not bike["total"][bike["missing"]].any()
    assert bike["weather"][:5].tolist() == [1, 2, 3, 3, 1]
    assert bike["temperature"][0] == pytest.approx(3.28)
    assert (bike["feels_like"][0], bike["humidity"][0], bike["wind_speed"][0]) == (3, 81, 6)
    sizes = [len(read("bike_sharing", split)["total"]) for split in ("train", "validation", "test")]
    assert sizes == [24, 24 * 92, 24]

    films = [read("movie_sentences", split) for split in ("train", "validation", "test")]
    # 60 less number 4, of which a duplicate disagrees; that of number 2 agrees and is left out.
    assert [len(part["label"]) for part in films] == [23 + 24, 3 + 3, 3 + 3]
    sentences = [text for part in films for text in part["sentence"]]
    assert "Sentence – number 2" in sentences
    assert not {"Rated zero", "Sentence – number 4", "SENTENCE –  number 2"} & set(sentences)


def run_badly(monkeypatch, target, arguments, originals=None):
    """Runs the script, expects it to end early, and returns its sentence."""
    (target / "mnist").mkdir(parents=True)
    (target / "mnist/file").write_text("untouched")
    monkeypatch.setattr(prepare_data, "ORIGINALS", originals or stand_in_originals())
    start = time.monotonic()
    with pytest.raises(SystemExit) as end:
        prepare_data.main([*arguments, "--to", str(target)])
    assert time.monotonic() - start < 30, "seconds, not minutes"
    assert contents(target) == {"mnist/file": b"untouched"}
    assert [path.name for path in target.iterdir()] == ["mnist"]
    message = end.value.code
    assert message.startswith("make data: ") and message.endswith(".") and "\n" not in message
    return message


@pytest.mark.parametrize("harm", ["missing", "no gzip", "truncated gzip", "other content"])
def test_bad_folder(monkeypatch, tmp_path, harm):
    source = tmp_path / "source"
    source.mkdir()
    pack(stand_ins(), source)
    path = source / "t10k-images-idx3-ubyte.gz"
    packed = path.read_bytes()
    path.unlink()
    if harm != "missing":
        bad = {"no gzip": b"<html>", "truncated gzip": packed[:200]}
        path.write_bytes(bad.get(harm, gzip.compress(b"\0" * 99)))
    message = run_badly(monkeypatch, tmp_path / "data", ["--from", str(source)])
    if harm == "missing":
        assert "lacks t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz" in message
    else:
        assert f"{path} does not give the known t10k-images-idx3-ubyte" in message


def test_no_folder(monkeypatch, tmp_path):
    message = run_badly(monkeypatch, tmp_path / "data", ["--from", str(tmp_path / "none")])
    assert "there is no folder" in message


def test_no_network(monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/train-images-idx3-ubyte.gz"
    first, *rest = prepare_data.ORIGINALS
    originals = (dataclasses.replace(first, source=address), *rest)
    message = run_badly(monkeypatch, tmp_path / "data", [], originals)
    assert f"cannot fetch {address} (" in message
    assert "make data FROM=FOLDER" in message


def test_no_network_for_pip(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    originals = prepare_data.ORIGINALS[-1:]
    message = run_badly(monkeypatch, tmp_path / "data", [], originals)
    assert "pip cannot fetch vaderSentiment==2.5 (" in message
    assert "make data FROM=FOLDER" in message


def test_fetches_and_verifies(monkeypatch, tmp_path):
    files = stand_ins()
    (tmp_path / "site").mkdir()
    pack(files, tmp_path / "site")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "site")
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}/"
    originals = tuple(
        dataclasses.replace(o, source=site + o.aliases[-1]) for o in stand_in_originals()
    )
    monkeypatch.setattr(prepare_data, "ORIGINALS", originals)
    try:
        prepare_data.collect_originals(tmp_path / "originals", source=None)
        assert contents(tmp_path / "originals") == files
        (tmp_path / "site/bike+sharing+dataset.zip").write_bytes(b"PK and no more")
        with pytest.raises(ValueError, match="does not give the known hour.csv"):
            prepare_data.collect_originals(tmp_path / "again", source=None)
    finally:
        server.shutdown()
        server.server_close()

"""data/checksums.sha256 has one reader and writer; the list in data/ is whole and right."""

import os
import re
import shutil
import subprocess

import pytest

from utils import ROOT, checksums

A, B = "a/1.0.0/x", "b/y z"


@pytest.fixture
def folder(tmp_path):
    for name in (A, B, "README.md", ".hidden/x", "a/.DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    checksums.write(tmp_path, checksums.compute(tmp_path))
    return tmp_path


def test_the_list_in_data_names_every_file_with_its_checksum():
    listed = checksums.read(ROOT / "data")
    assert listed == checksums.compute(ROOT / "data")
    assert list(listed) == sorted(listed)
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "*/*"], cwd=ROOT / "data", capture_output=True, text=True
    )
    if tracked.returncode == 0:  # the course may have been fetched as an archive
        assert sorted(tracked.stdout.rstrip("\0").split("\0")) == list(listed)


def test_write_and_read_are_inverse_and_in_the_format_of_sha256sum(folder):
    assert sorted(checksums.read(folder)) == [A, B]
    first = (folder / checksums.LIST).read_bytes()
    assert re.fullmatch(rb"(?:[0-9a-f]{64}  [^\r\n]+\n){2}", first)
    checksums.write(folder, dict(reversed(checksums.read(folder).items())))
    assert (folder / checksums.LIST).read_bytes() == first
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "--check", "--status", checksums.LIST], cwd=folder, check=True)


def test_reads_windows_line_ends_and_sha256sum_s_binary_mode(folder):
    expected, path = checksums.read(folder), folder / checksums.LIST
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"  ", b" *", 1))
    assert checksums.read(folder) == expected
    checksums.verify(folder)


def test_update_changes_the_named_files_alone(folder):
    before = checksums.read(folder)
    (folder / A).write_text("new")
    (folder / B).write_text("new")
    checksums.update(folder, [A])
    assert checksums.read(folder) == before | {A: checksums.compute(folder)[A]}
    checksums.verify(folder, "a/")
    with pytest.raises(ValueError, match=r"\by z is damaged"):
        checksums.verify(folder)


def test_update_begins_a_list(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").touch()
    checksums.update(tmp_path, ["x/y"])
    assert checksums.read(tmp_path) == checksums.compute(tmp_path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / A).write_text("other"), r"The file \S+x is damaged .*make data"),
        (lambda folder: (folder / A).unlink(), r"The file \S+x is missing: .*make data"),
        (lambda folder: os.truncate(folder / checksums.LIST, 0), "does not name the files of a/"),
        (lambda folder: os.truncate(folder / checksums.LIST, 40), "Line 1 of the list .* is no"),
        (lambda folder: (folder / checksums.LIST).unlink(), "The list .* is missing"),
        (lambda folder: (folder / checksums.LIST).write_bytes(b"\xff\xfe"), "Line 1 of the list"),
    ],
    ids=["other content", "no file", "empty list", "half a line", "no list", "no text"],
)
def test_verify_says_what_is_wrong_in_one_sentence(folder, damage, sentence):
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=sentence) as error:
        checksums.verify(folder, "a/")
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_a_clone_with_windows_line_ends_has_the_same_data(tmp_path):
    """Git for Windows turns \\n into \\r\\n in text files unless .gitattributes says no."""
    shutil.copytree(ROOT / "data" / "movie_sentences", tmp_path / "a/data/movie_sentences")
    listed = checksums.compute(tmp_path / "a/data")
    shutil.copy(ROOT / ".gitattributes", tmp_path / "a")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (
        ["init", "--quiet", "a"],
        ["-C", "a", "-c", "core.autocrlf=true", "add", "--all"],
        ["-C", "a", *identity, "commit", "--quiet", "--message=data"],
        ["clone", "--quiet", "-c", "core.autocrlf=true", "a", "b"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert checksums.compute(tmp_path / "b/data") == listed

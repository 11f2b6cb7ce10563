"""`make setup` with uv and with pip, on a package of our own: no network is used."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from scripts import environment
from tests import colab_test
from utils import ROOT

UV = str(Path(sys.executable).with_name(f"uv{environment.EXE}"))
HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An environment that holds pip alone."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    environment.create(folder, sys.executable)
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch, empty):
    """A machine whose package index is a folder with two packages; a lock for each, beside it."""

    def copy(folder, python, uv=None):  # ten times as fast as making one
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(empty, folder, symlinks=True)

    monkeypatch.setattr(environment, "create", copy)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "PIP_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        **{"UV_NO_INDEX": "1", "UV_FIND_LINKS": tmp_path, "UV_CACHE_DIR": tmp_path / "cache"},
        **{"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": tmp_path, "PIP_CONFIG_FILE": os.devnull},
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(environment, "find_uv", lambda: UV)
    return tmp_path, [lock(tmp_path, "first"), lock(tmp_path, "second")]


def lock(folder, name):
    """A wheel that holds a module, and the path of a lock that pins it."""
    wheel, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
    files[f"{info}/RECORD"] = f"{name}.py,sha256={digest},0\n{info}/METADATA,,\n{info}/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    path = folder / f"{name}.lock"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path.write_text(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")
    return path


def imports(python, *names):
    command = [python, "-c", "import " + ", ".join(names)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("with_uv", [True, False], ids=["uv", "pip"])
def test_makes_extends_and_leaves_alone(machine, with_uv, monkeypatch, capsys):
    folder, (first, second) = machine
    if not with_uv:
        monkeypatch.setattr(environment, "find_uv", no_uv)
    python = environment.make(folder / "env", [first], [HERE])
    said = capsys.readouterr().out
    assert ("uv cannot be had (no network): pip installs instead" in said) == (not with_uv)
    assert f"with {'uv' if with_uv else 'pip'} and Python {HERE}, once." in said
    assert imports(python, "first") and not imports(python, "second")
    marker = folder / "env" / "marker"
    marker.touch()
    environment.make(folder / "env", [first, second], [HERE])
    assert marker.exists() and imports(python, "first", "second")
    capsys.readouterr()
    start = time.monotonic()
    environment.make(folder / "env", [first], [HERE])
    assert time.monotonic() - start < 2
    assert marker.exists() and capsys.readouterr().out == ""
    second.write_text(f"# newer\n{second.read_text()}")
    environment.make(folder / "env", [first], [HERE])
    assert marker.exists()
    environment.make(folder / "env", [first, second], [HERE])
    assert not marker.exists() and imports(python, "first", "second")


def no_uv():
    raise environment.SetupError("no network")


def test_an_environment_that_was_moved_or_lost_its_python_is_made_again(machine):
    folder, (first, _) = machine
    environment.make(folder / "a", [first], [HERE])
    (folder / "a").rename(folder / "b")
    (folder / "b" / "marker").touch()
    python = environment.make(folder / "b", [first], [HERE])
    assert not (folder / "b" / "marker").exists() and imports(python, "first")
    (folder / "b" / "marker").touch()
    python.unlink()
    assert imports(environment.make(folder / "b", [first], [HERE]), "first")


@pytest.mark.parametrize("with_uv", [True, False], ids=["uv", "pip"])
def test_a_hash_that_differs_stops_the_set_up(machine, with_uv, monkeypatch):
    folder, (first, _) = machine
    if not with_uv:
        monkeypatch.setattr(environment, "find_uv", no_uv)
    first.write_text(re.sub("sha256:.{8}", "sha256:00000000", first.read_text()))
    for _ in range(2):  # what was begun is not taken for ready
        with pytest.raises(environment.SetupError, match="a package and its hash in the lock"):
            environment.make(folder / "env", [first], [HERE])


@pytest.mark.parametrize("with_uv", [True, False], ids=["uv", "pip"])
def test_a_lock_without_hashes_is_refused(machine, with_uv, monkeypatch):
    folder, (first, _) = machine
    if not with_uv:
        monkeypatch.setattr(environment, "find_uv", no_uv)
    first.write_text("first==1.0\n")
    with pytest.raises(environment.SetupError, match="(?i)hash"):
        environment.make(folder / "env", [first], [HERE])


def test_no_network_ends_in_one_sentence(machine, monkeypatch, capsys):
    folder, (first, _) = machine
    for name in ("UV_NO_INDEX", "UV_FIND_LINKS", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    nowhere = "http://127.0.0.1:9/simple"  # the discard port: nobody listens
    monkeypatch.setenv("UV_DEFAULT_INDEX", nowhere)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", nowhere)
    with pytest.raises(SystemExit) as end:
        environment.main([str(folder / "env"), str(first)])
    assert str(end.value) == (
        "The course cannot be set up: the package index cannot be reached: check the network and"
        " try again."
    )
    assert "uv cannot reach the package index: pip tries" in capsys.readouterr().out


def test_uv_takes_the_index_that_pip_is_set_to_use(machine, empty, monkeypatch):
    folder, (first, _) = machine
    indexes, run = [], environment.run

    def without_uv(*command, env=None):
        if command[0] != UV:
            return run(*command)
        indexes.append(env.get("UV_DEFAULT_INDEX"))

    monkeypatch.setattr(environment, "run", without_uv)
    environment.uv_install(UV, empty, first)
    (folder / "pip.conf").write_text("[global]\nindex-url = http://of-the-file/\n")
    for name, value in {
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "PIP_INDEX_URL": "http://of-the-variable/",
        "UV_DEFAULT_INDEX": "http://of-uv/",
    }.items():
        monkeypatch.setenv(name, value)
        environment.uv_install(UV, empty, first)
    assert indexes == [None, "http://of-the-file/", "http://of-the-variable/", "http://of-uv/"]


def test_uv_is_bootstrapped_from_the_pin_in_the_maintainers_lock(machine, monkeypatch):
    folder, _ = machine
    monkeypatch.undo()
    for name in ("PIP_FIND_LINKS", "PATH"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(environment, "ROOT", folder)
    monkeypatch.setattr(environment, "DEV_LOCK", folder / "requirements-dev.lock")
    pin = lock(folder, "uv").read_text()
    environment.DEV_LOCK.write_text(
        f"ruff==1\n{pin}    # via -r x\nzipp==1 \\\n    --hash=sha256:0\n"
    )
    program = folder / "build" / "uv" / environment.BIN / f"uv{environment.EXE}"
    assert environment.find_uv() == str(program)
    assert (folder / "build" / "uv" / "uv.lock").read_text() == pin
    program.touch()
    (folder / "uv-1.0-py3-none-any.whl").unlink()
    assert environment.find_uv() == str(program)  # asks no index again
    environment.DEV_LOCK.write_text(pin.replace("1.0", "2.0"))
    with pytest.raises(environment.SetupError, match="No matching distribution"):
        environment.find_uv()


def test_each_reason_to_fail_has_its_sentence():
    for output, sentence in {
        "error: No space left on device (os error 28)": "the disk is full",
        "THESE PACKAGES DO NOT MATCH THE HASHES": "damaged",
        "Temporary failure in name resolution": "check the network",
        "something\nelse": "something else",
    }.items():
        code = f"import sys; sys.exit({output!r})"
        with pytest.raises(environment.SetupError, match=sentence) as error:
            environment.run(sys.executable, "-c", code)
        assert "\n" not in str(error.value)


def test_another_python_is_told_which_are_needed(monkeypatch, capsys):
    monkeypatch.setattr(environment, "find_uv", no_uv)
    with pytest.raises(environment.SetupError) as error:
        environment.make("build/never", ["requirements.lock"], ["3.4", "3.3"])
    assert f"Python 3.3 or 3.4 is needed, and this is {HERE}: install one" in str(error.value)
    assert not (ROOT / "build/never").exists()


def test_every_python_from_3_8_on_can_read_the_program():
    """It has to start where TensorFlow cannot, to say so."""
    import ast

    for name in ("scripts/environment.py", "utils/__init__.py"):
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_what_make_and_colab_ask_for_is_there():
    assert colab_test.PYTHON_VERSION in environment.python_versions()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "$(PYTHON) -m scripts.environment" in makefile
    for name in re.findall(r"requirements\S*\.lock", makefile):
        assert (ROOT / name).is_file()
    assert (ROOT / colab_test.REQUIREMENTS).is_file()

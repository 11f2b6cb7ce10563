"""The Dask cluster of `make scheduler` and `make worker`."""

import os
import signal
import socket
import subprocess
import sys
import time
import types
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed")
from classroom import cluster
from classroom.coursedir import ClassroomError
from tests.classroom import on_worker
from utils import ROOT

WORKERS = 3


def make(target, certificate, **variables):
    """A target of the Makefile, as a process with this Python and a certificate of its own."""
    variables |= {"CLASSROOM": Path(sys.executable).parent, "CERTIFICATE": certificate}
    argv = ["make", "-o", "classroom", target, *(f"{k}={v}" for k, v in variables.items())]
    environment = os.environ | {"DASK_TEMPORARY_DIRECTORY": str(certificate.parent)}
    return subprocess.Popen(
        argv, cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A scheduler and three workers; yields the scheduler's address and their processes."""
    certificate = tmp_path_factory.mktemp("dask") / "dask.pem"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tls://127.0.0.1:{port}"
    processes = [make("scheduler", certificate, PORT=port)]
    known = pytest.MonkeyPatch()
    known.setattr(cluster, "CERTIFICATE", certificate)
    try:
        with _first(address, processes[0]) as client:
            processes.append(make("worker", certificate, DASK=address, WORKERS=WORKERS))
            client.wait_for_workers(WORKERS, timeout=60)
        yield address, processes
    finally:
        known.undo()
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _first(address, scheduler):
    for _ in range(100):
        assert scheduler.poll() is None
        try:
            return cluster.connect(address)
        except ClassroomError:
            time.sleep(0.2)
    raise AssertionError("the scheduler does not answer")


def run(address, tasks, isolated=False, version=on_worker.version, say=lambda line: None):
    """The results of tasks, by index."""
    return dict(cluster.run(tasks, address, isolated, version, say, on_worker.work))


def test_tasks_are_taken_as_they_are_needed_and_done_though_a_worker_is_lost(running):
    said, taken, workers = [], [], set()

    def tasks():
        for number in range(30):
            taken.append(number)
            yield {"number": number, "seconds": 0.1}

    results = {}
    for index, result in cluster.run(
        tasks(), running[0], False, on_worker.version, said.append, on_worker.work
    ):
        if not results:
            assert len(taken) <= 2 * WORKERS + 1
            os.kill(result["worker"], signal.SIGKILL)
        results[index] = result["twice"]
        workers.add(result["worker"])
    assert results == {number: 2 * number for number in range(30)}
    assert len(workers) >= WORKERS and said == [f"Grading on {WORKERS} workers of {running[0]}."]


def test_a_task_that_fails_costs_no_other(running):
    tasks = [{"number": 1, "seconds": 0}, {"number": 2, "cells": [{}]}]
    results = run(running[0], tasks)
    assert results[0]["twice"] == 2
    assert results[1]["problem"] == "its Dask task failed: KeyError('seconds')"


def test_only_this_machine_can_reach_it(running):
    listening = [
        connection
        for process in running[1]
        for child in psutil.Process(process.pid).children(recursive=True)
        for connection in child.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > WORKERS
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_only_who_has_the_certificate_can_use_it(running, tmp_path, monkeypatch):
    assert os.stat(cluster.CERTIFICATE).st_mode & 0o777 == 0o600
    address = running[0]
    for plain in (address, address.replace("tls", "tcp")):
        code = f"import distributed\ndistributed.Client({plain!r}, timeout=2)"
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        assert tried.returncode == 1 and tried.stderr, plain
    subprocess.run(["make", tmp_path / "other.pem", f"CERTIFICATE={tmp_path / 'other.pem'}"],
                   cwd=ROOT, check=True, capture_output=True)  # fmt: skip
    monkeypatch.setattr(cluster, "CERTIFICATE", tmp_path / "other.pem")
    with pytest.raises(ClassroomError, match=r"No Dask scheduler answers .* certificate"):
        run(address, [])
    monkeypatch.setattr(cluster, "CERTIFICATE", tmp_path / "none.pem")
    with pytest.raises(ClassroomError, match="copy it from where `make scheduler`"):
        run(address, [])


def test_what_does_not_fit_is_one_sentence(running, monkeypatch):
    address = running[0]
    monkeypatch.setattr(cluster, "SECONDS", 2)
    with pytest.raises(ClassroomError, match="DASK=tls://host:8786, not tcp://a:1"):
        run("tcp://a:1", [])
    with pytest.raises(ClassroomError, match="No Dask scheduler answers at tls://127.0.0.1:9 "):
        run("tls://127.0.0.1:9", [])
    with pytest.raises(ClassroomError, match="another version of the course"):
        run(address, [], version=on_worker.own_version)
    with pytest.raises(ClassroomError, match="does not know the course"):
        run(address, [], version=test_only_this_machine_can_reach_it)
    monkeypatch.setattr(cluster, "sandbox", types.SimpleNamespace(why_not=on_worker.cannot))
    with pytest.raises(ClassroomError, match="cannot isolate submissions: bubblewrap is not"):
        run(address, [], isolated=True)


def test_a_worker_without_the_certificate_says_what_is_missing(tmp_path):
    worker = subprocess.run(
        ["make", "-o", "classroom", "worker", f"CERTIFICATE={tmp_path / 'dask.pem'}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert worker.returncode and "Copy" in worker.stdout

"""Run tasks on a Dask cluster, whose machines know each other by a certificate.

Who can speak with a Dask scheduler can run code on its workers, so that nobody can without the
file that `make scheduler` makes, not even from the same machine.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator

import distributed

from classroom import execute, findings, sandbox
from classroom.coursedir import ClassroomError

#: The cluster's key and certificate, the same for scheduler, workers and grader.
CERTIFICATE = sandbox.COURSE / "dask.pem"

SECONDS = 10  # that the scheduler has to answer


def connect(address: str):
    """A client of the scheduler at `address`, which begins with tls://.

    Raises:
        ClassroomError: Nobody answers, or the certificate is missing or another one.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if not address.startswith("tls://"):
        raise ClassroomError(f"Give the Dask scheduler as DASK=tls://host:8786, not {address}.")
    if not CERTIFICATE.is_file():
        raise ClassroomError(
            f"There is no {CERTIFICATE}: copy it from where `make scheduler` has made it."
        )
    pem = str(CERTIFICATE)
    security = distributed.Security(
        require_encryption=True, tls_ca_file=pem, tls_client_cert=pem, tls_client_key=pem
    )
    try:
        return distributed.Client(address, timeout=SECONDS, security=security)
    except (OSError, ValueError, TypeError, TimeoutError):
        raise ClassroomError(
            f"No Dask scheduler answers at {address} to the certificate {CERTIFICATE}."
        ) from None


def run(
    tasks: Iterable[dict],
    address: str,
    isolated: bool,
    version: Callable[[], str],
    say: Callable[[str], None],
    execute: Callable[[dict], dict] = execute.run,
) -> Iterator[tuple[int, dict]]:
    """Run tasks as they are asked for; yields each one's index and outcome when it is done.

    A task whose worker is lost is run by another.

    Args:
        tasks: For `execute.run`.
        address: The scheduler's.
        isolated: Whether workers that cannot isolate are refused.
        version: Says on each machine which version of the course it has.
        say: Is told in a sentence what begins.
        execute: Runs one of them.

    Raises:
        ClassroomError: The cluster cannot be used; the message says why.
    """
    with connect(address) as client:
        workers = _workers(client, address, isolated, version)
        say(f"Grading on {workers} workers of {address}.")
        yield from _run(client, tasks, 2 * workers, execute)


def _workers(client, address, isolated, version):
    workers = len(client.nthreads())
    if not workers:
        raise ClassroomError(f"The Dask cluster at {address} has no workers yet.")
    try:
        versions = {client.run_on_scheduler(version), *client.run(version).values()}
        reasons = client.run(sandbox.why_not) if isolated else {}
    except Exception as error:  # its kind does not always survive the journey
        if "ModuleNotFoundError" not in repr(error):
            raise ClassroomError(f"The Dask cluster does not answer: {error}.") from None
        raise ClassroomError(
            "The Dask scheduler or a worker does not know the course: start each in the course's"
            " folder, with make scheduler and make worker."
        ) from None
    if versions != {version()}:
        raise ClassroomError(
            "The Dask scheduler or a worker has another version of the course than this one."
        )
    for worker, reason in reasons.items():
        if reason:
            raise ClassroomError(f"The worker at {worker} cannot isolate submissions: {reason}")
    return workers


def _run(client, tasks, at_once, execute):
    running, numbered, done = {}, enumerate(tasks), distributed.as_completed()

    def submit(number):
        for index, task in itertools.islice(numbered, number):
            future = client.submit(execute, task, pure=False, retries=3)
            running[future.key] = index, task
            done.add(future)

    submit(at_once)
    for future in done:
        index, task = running.pop(future.key)
        if future.status == "finished":
            yield index, future.result()
        else:
            problem = f"its Dask task failed: {repr(future.exception())[:200]}"
            yield index, findings.stopped(task["cells"], problem, problem)
        future.release()
        submit(1)

"""Grade a folder of submissions: run them apart from each other, merge the marks, report.

What has been run is kept in the class's runs/, a file for each submission, under a key made of the
submission, the assignment and this program. A run that is started again takes up what is there and
runs only what is new or changed. Nothing but this process writes to the gradebook.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from nbgrader.api import Gradebook

from classroom import collect, execute, guard, mend, merge, release, report, sandbox
from classroom.release import Class, ClassroomError


@dataclass
class Options:
    """What `make grade` can be told."""

    submissions: str
    assignment: str = ""
    roster: str = ""
    due: str = ""
    dask: str = ""
    workers: int = 0
    limits: execute.Limits = field(default_factory=execute.Limits)


@dataclass
class Job:
    """One submission on its way."""

    submission: collect.Submission
    key: str
    mended: mend.Mended | None = None
    findings: list = field(default_factory=list)
    outcome: dict | None = None  # what `execute` brought back


def grade(room: Class, options: Options, tell=print) -> report.Summary:
    """Grade what is new or changed, and write scores, feedback and report.

    Raises:
        ClassroomError, collect.CollectError: Something is not as it should be; in a sentence.
    """
    names = room.chosen(options.assignment)
    roster = collect.read_roster(options.roster) if options.roster else None
    due = collect.a_time(options.due) if options.due else None
    if Path(options.submissions).is_file():
        raise ClassroomError(
            f"{options.submissions} is a file: unpack it, then SUBMISSIONS=the folder."
        )
    if not Path(options.submissions).is_dir():
        raise ClassroomError(
            f"There is no folder {options.submissions!r}: make grade SUBMISSIONS=folder."
        )
    with _alone(room):
        release.find_programs()
        forms = _Forms(room)
        submissions, remarks = collect.find(
            options.submissions, room.assignments(), forms.guess,
            names[0] if options.assignment and len(names) == 1 else "", roster, due,
        )  # fmt: skip
        submissions = [s for s in submissions if s.assignment in names]
        if not submissions:
            raise ClassroomError(
                f"No submission was found in {options.submissions}"
                + (f": {remarks[0]}." if remarks else ".")
            )
        remarks += _identical(submissions)
        summary = report.Summary(remarks=remarks, roster=roster, names=names)
        merge.enrol(room, roster)
        waiting, done = [], 0
        for submission in submissions:
            job = Job(submission, _key(submission, forms, options))
            kept = _kept(room, job)
            if kept is None:
                waiting.append(job)
                continue
            job.outcome, job.findings = kept["outcome"], kept["findings"]
            done += 1
            if not merge.is_merged(room, job):
                job.mended = _prepared_again(job, forms)
                _merge(room, job, forms)
            summary.add(job)
        if done:
            tell(f"{done} of {len(submissions)} were graded before and have not changed.")
        for job in _executed(waiting, forms, options, tell):
            _keep(room, job)
            _merge(room, job, forms)
            summary.add(job)
            done += 1
            tell(f"[{done}/{len(submissions)}] {_line(room, job)}")
        tell("Writing scores, feedback and report.")
        report.write_all(room, summary, submissions)
    return summary


def _merge(room, job, forms):
    """Merge a job's marks. Where it was not graded, what the gradebook has of it stays."""
    if job.outcome["problem"]:
        return
    try:
        merge.merge(room, job, forms.of(job.submission.assignment))
    except Exception as error:  # must not cost the others their marks
        problem = f"its marks could not be written ({type(error).__name__}: {error})"
        job.outcome = job.outcome | {"problem": problem}


def _content(submission):
    """A submission's bytes; none where the file cannot be read."""
    try:
        return submission.path.read_bytes()
    except OSError:
        return b""


def _identical(submissions):
    """Remarks on files that several students handed in, byte for byte."""
    by_content: dict[bytes, list] = {}
    for submission in submissions:
        digest = hashlib.sha256(_content(submission)).digest()
        by_content.setdefault(digest, []).append(submission)
    return [
        f"the same file, byte for byte: {', '.join(s.student for s in same)} ({same[0].assignment})"
        for same in by_content.values()
        if len(same) > 1 and _content(same[0])
    ]


@contextlib.contextmanager
def _alone(room):
    """Hold the class's folder: two runs at once would both write to its gradebook."""
    room.folder.mkdir(parents=True, exist_ok=True)
    with open(room.folder / ".lock", "w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise ClassroomError(f"Another run is grading the class in {room.folder}.") from None
        yield


class _Forms:
    """The assignments as they are graded, each made when it is first asked for."""

    def __init__(self, room):
        self.room, self.known, self.api = room, {}, None

    def of(self, name) -> mend.Template:
        if name not in self.known:
            if self.room.released_version(name) != self.room.version(name):
                self.api = self.api or self.room.api()
                release.make(self.room, name, self.api)
            form = release.template(self.room, name)
            digest = hashlib.sha256(json.dumps([form.cells, form.released]).encode())
            self.known[name] = form, digest.hexdigest(), self.room.files(name)
        return self.known[name][0]

    def digest(self, name):
        self.of(name)
        return self.known[name][1] + self.room.version(name)

    def files(self, name):
        self.of(name)
        return self.known[name][2]

    def guess(self, path):
        """Which assignment a file is of, by its cells: the one of which it has most."""
        try:
            cells = mend.read(path.read_bytes())
        except (mend.NotANotebook, OSError):
            return ""
        texts = {cell["source"].strip() for cell in cells}
        shared = {}
        for name in self.room.assignments():
            released = {text.strip() for text in self.of(name).released if len(text) > 40}
            shared[name] = len(texts & released) / max(1, len(released))
        best = max(shared, key=shared.get)
        return best if shared[best] >= 0.4 else ""


def program_version() -> str:
    """Changes with what decides on marks, here and on each Dask worker."""
    files = [Path(module.__file__) for module in (execute, guard, mend, sandbox)]
    files += sorted((sandbox.COURSE / "utils").glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def _key(submission, forms, options):
    digest = hashlib.sha256(_content(submission))
    digest.update(forms.digest(submission.assignment).encode())
    digest.update(json.dumps(asdict(options.limits)).encode() + program_version().encode())
    return digest.hexdigest()


def _run_file(room, job):
    return room.folder / "runs" / job.submission.assignment / f"{job.submission.student}.json"


def _kept(room, job):
    """What an earlier run brought back for the same submission, or None."""
    try:
        found = json.loads(_run_file(room, job).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("key") == job.key else None


def _keep(room, job):
    """Store what was brought back, unless the grading itself failed: that is tried again."""
    if job.outcome and not job.outcome["problem"]:
        kept = {"key": job.key, "outcome": job.outcome, "findings": job.findings}
        release.write(_run_file(room, job), json.dumps(kept))


def _prepare(job, forms):
    """Read and mend a submission; returns what is to be run, or None if there is nothing."""
    form = forms.of(job.submission.assignment)
    try:
        cells = mend.read(_content(job.submission))
    except mend.NotANotebook as error:
        job.findings.append(f"{error}: no points")
        job.mended = mend.mend(form, [])
        job.mended.findings.clear()
        return None
    job.mended = mend.mend(form, cells)
    job.findings += job.mended.findings
    for cell, kind in zip(job.mended.cells, job.mended.kinds, strict=True):
        if kind == "student" and cell["cell_type"] == "code":
            if odd := mend.odd_code(cell["source"]):
                where = mend.name_of(cell) or "a cell of the student's own"
                job.findings.append(f"READ THIS: {where} uses {', '.join(odd)}")
    return None if not job.mended.recognised else True


def _prepared_again(job, forms):
    """The mended notebook of a job that an earlier run has executed."""
    again = Job(job.submission, job.key)
    _prepare(again, forms)
    return again.mended


def _nothing_run(job, reason):
    code = sum(cell["cell_type"] == "code" for cell in job.mended.cells)
    error = {"output_type": "error", "ename": "NotRun", "evalue": reason, "traceback": []}
    cell = {"outputs": [error], "replaced": [], "beyond": ""}
    return {"cells": [cell] * code, "seconds": 0, "isolation": None, "problem": ""}


def _executed(jobs, forms, options, tell):
    """Run the jobs, several at once; yields each when it is done."""
    limits = asdict(options.limits)
    ready = []
    for job in jobs:
        name = job.submission.assignment
        try:
            if _prepare(job, forms):
                files = forms.files(name)
                ready.append((job, release.task(forms.of(name), job.mended, limits, files)))
            else:
                job.outcome = _nothing_run(job, "the submission could not be run")
        except Exception as error:  # whatever a file holds must not stop the others
            job.mended = mend.mend(forms.of(name), [])
            job.findings = [f"could not be read ({type(error).__name__}: {error}): no points"]
            job.outcome = _nothing_run(job, "the submission could not be read")
    yield from (job for job in jobs if job.outcome)
    if not ready:
        return
    pool = _dask if options.dask else _local
    for job, outcome in pool(ready, options, tell):
        job.outcome = outcome
        job.findings += _findings(job, outcome)
        yield job


def _findings(job, outcome):
    """What happened in the run, in words."""
    found = []
    if outcome["problem"]:
        found.append(f"NOT GRADED: {outcome['problem']}")
    code = [cell for cell in job.mended.cells if cell["cell_type"] == "code"]
    kinds = [
        kind
        for cell, kind in zip(job.mended.cells, job.mended.kinds, strict=True)
        if cell["cell_type"] == "code"
    ]
    for cell, kind, result in zip(code, kinds, outcome["cells"], strict=True):
        label = mend.name_of(cell) or "a cell of the student's own"
        if result["replaced"]:
            what = ", ".join(result["replaced"])
            found.append(f"CHEATING? before {label}, {what} had been replaced: put back")
        if result["beyond"] and not outcome["problem"]:
            found.append(f"{label} {result['beyond']}: stopped")
        failed = [o for o in result["outputs"] if o["output_type"] == "error"]
        if kind != "test" and failed and not result["beyond"] and not outcome["problem"]:
            name, text = failed[0]["ename"], failed[0]["evalue"].splitlines() or [""]
            if name != "NotImplementedError":  # an answer that was not written
                found.append(f"{label} fails: {name}: {text[0][:120]}")
        if kind == "test" and any(o["ename"] == "NotRun" for o in failed):
            found.append(f"{label} did not run to its end: no points for it")
    return found


def _local(jobs, options, tell):
    """Run the jobs on all cores of this machine."""
    cores = os.cpu_count() or 1
    room_for = int(0.8 * psutil.virtual_memory().total / 1e9 / options.limits.memory_gb)
    workers = options.workers or max(1, min(cores, room_for))
    isolation = sandbox.probe()
    tell(f"{len(jobs)} to grade, {min(workers, len(jobs))} at once. {isolation.sentence()}")
    os.environ["COURSE_THREADS"] = str(max(1, cores // workers))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(execute.run, task): job for job, task in jobs}
        try:
            for future in concurrent.futures.as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _dask(jobs, options, tell):
    """Run the jobs on a Dask cluster: one task each, tried again where a worker is lost."""
    try:
        import distributed
    except ImportError:
        raise ClassroomError("Dask is not installed here: make grade sees to it.") from None
    logging.getLogger("distributed").setLevel(logging.ERROR)
    try:
        client = distributed.Client(options.dask, timeout=10)
    except (OSError, ValueError, TypeError, TimeoutError):
        raise ClassroomError(f"No Dask scheduler answers at {options.dask}.") from None
    with client:
        threads = client.nthreads()
        if not threads:
            raise ClassroomError(f"The Dask cluster at {options.dask} has no workers yet.")
        tell(f"{len(jobs)} to grade on {len(threads)} workers of {options.dask}.")
        try:
            versions = {client.run_on_scheduler(program_version)}
            versions |= set(client.run(program_version).values())
        except Exception as error:  # its kind does not always survive the journey
            if "ModuleNotFoundError" not in repr(error):
                raise ClassroomError(f"The Dask cluster does not answer: {error}.") from None
            raise ClassroomError(
                "The Dask scheduler or a worker does not know the course: start each in the"
                " course's folder, with make scheduler and make worker."
            ) from None
        if versions != {program_version()}:
            raise ClassroomError(
                "The Dask scheduler or a worker has another version of the course than this one."
            )
        running = {
            client.submit(execute.run, task, pure=False, retries=3): job for job, task in jobs
        }
        for future in distributed.as_completed(running):
            job = running[future]
            if future.status == "finished":
                yield job, future.result()
            else:
                reason = repr(future.exception())[:200]
                problem = f"its Dask task failed: {reason}"
                yield job, _nothing_run(job, problem) | {"problem": problem}
            future.release()


def _line(room, job):
    submission = job.submission
    if job.outcome["problem"]:
        return f"{submission.student}, {submission.assignment}: NOT GRADED"
    with Gradebook(room.database) as gradebook:
        found = gradebook.find_submission(submission.assignment, submission.student)
        marks = f"{found.score:g} of {found.max_score:g}"
        hand = ", to be marked by hand" if found.needs_manual_grade else ""
    seconds = f", {job.outcome['seconds']:.0f} s" if job.outcome["seconds"] else ""
    odd = ", see the report" if job.findings or submission.findings else ""
    return f"{submission.student}, {submission.assignment}: {marks}{hand}{seconds}{odd}"

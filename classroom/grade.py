"""Grade a folder of submissions: run them apart from each other, merge the marks, report.

What has been run is kept in the class's runs/, a file for each submission, under a key made of the
submission, the assignment and this program. A run that is started again takes up what is there and
runs only what is new or changed. Each step of each submission that fails ends in a finding.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from sqlalchemy.exc import DatabaseError

from classroom import assignment, collect, execute, feedback, gradebook, reading, report, sandbox
from classroom.child import Child, Failed
from classroom.coursedir import ROOT, ClassroomError, CourseDirectory, find_programs, write
from classroom.findings import Finding, Kind, line, stopped
from classroom.rebuild import prepare
from classroom.release import generate
from classroom.roster import date, read_roster


@dataclass
class Options:
    """What `make grade` can be told."""

    submissions: str
    assignment: str = ""
    roster: str = ""
    due: str = ""
    dask: str = ""
    workers: int = 0
    isolation: str = ""
    limits: execute.Limits = field(default_factory=execute.Limits)


@dataclass
class Job:
    """One submission on its way.

    Attributes:
        key: Changes with the submission, the assignment, the limits and this program.
        code: The code cells that are to be run.
        problem: Why it could not be graded, for a reason outside it, or "".
        isolated: Whether it was run in a sandbox; None where nothing was run.
    """

    submission: collect.Submission
    key: str = ""
    code: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    problem: str = ""
    seconds: float = 0
    isolated: bool | None = None

    @property
    def pair(self):
        return self.submission.student, self.submission.assignment

    def all_findings(self) -> list[Finding]:
        """What is to be said of it."""
        failed = [Finding(Kind.NOT_GRADED, self.problem)] if self.problem else []
        return [*failed, *self.submission.findings, *self.findings]

    @contextlib.contextmanager
    def step(self, what):
        """A step whose failure is this submission's alone; a gradebook in use is everyone's."""
        try:
            yield
        except DatabaseError:
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            self.problem = f"{what} ({reason})"


def grade(course: CourseDirectory, options: Options, say=print) -> report.Summary:
    """Grade what is new or changed, and write scores, report and feedback.

    Raises:
        ClassroomError, sandbox.Refused: Something is not as it should be; in a sentence.
        DatabaseError: The gradebook cannot be used.
    """
    names = course.chosen(options.assignment)
    roster = read_roster(options.roster) if options.roster else None
    due = date(options.due) if options.due else None
    if Path(options.submissions).is_file():
        raise ClassroomError(
            f"{options.submissions} is a file: unpack it, then SUBMISSIONS=the folder."
        )
    if not Path(options.submissions).is_dir():
        raise ClassroomError(
            f"There is no folder {options.submissions!r}: make grade SUBMISSIONS=folder."
        )
    isolated = sandbox.choose(options.isolation, here=not options.dask)
    with _alone(course), Child() as child:
        find_programs()
        templates = _Templates(course, child)
        submissions, remarks = collect.find(
            options.submissions, course.assignments(), templates.guess,
            names[0] if options.assignment and len(names) == 1 else "", roster, due,
        )  # fmt: skip
        submissions = [s for s in submissions if s.assignment in names]
        if not submissions:
            raise ClassroomError(
                f"No submission was found in {options.submissions}"
                + (f": {line(remarks[0])}." if remarks else ".")
            )
        gradebook.enrol(course, roster)
        jobs = [Job(submission) for submission in submissions]
        summary = report.Summary(names, remarks + _identical(jobs), roster, jobs)
        waiting = _taken_up(course, jobs, templates, options, say)
        run = _executed(course, waiting, templates, options, isolated, say)
        for done, job in enumerate(run, start=1 + len(jobs) - len(waiting)):
            say(f"[{done}/{len(jobs)}] {_line(course, job)}")
        say("Writing scores, report and feedback.")
        marks = gradebook.marks_of(course, [job.pair for job in jobs])
        report.write_all(course, summary, marks)
        keys = {job.pair: job.key for job in jobs}
        if problems := feedback.write_all(course, keys, marks, child):
            summary.remarks += problems
            report.write_all(course, summary, marks)
    return summary


@contextlib.contextmanager
def _alone(course):
    """Hold the class's folder: two runs at once would both write to its gradebook."""
    course.folder.mkdir(parents=True, exist_ok=True)
    with open(course.folder / ".lock", "w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise ClassroomError(f"Another run is grading the class in {course.folder}.") from None
        yield


class _Templates:
    """The assignments as they are graded, each made when it is first asked for."""

    def __init__(self, course, child):
        self.course, self.child, self.known, self.api = course, child, {}, None

    def of(self, name) -> assignment.Template:
        if name not in self.known:
            if self.course.released_version(name) != self.course.version(name):
                self.api = self.api or self.course.api()
                generate(self.course, name, self.api)
            template = assignment.load(self.course, name)
            digest = hashlib.sha256(json.dumps([template.cells, template.released]).encode())
            version = digest.hexdigest() + self.course.version(name)
            self.known[name] = template, version, self.course.files(name)
        return self.known[name][0]

    def version(self, name):
        self.of(name)
        return self.known[name][1]

    def files(self, name):
        self.of(name)
        return self.known[name][2]

    def guess(self, path):
        """Which assignment a file is of, by its cells, or ""."""
        released = {name: self.of(name).released for name in self.course.assignments()}
        with contextlib.suppress(Failed):
            return self.child.call(most_alike, path, released)
        return ""


def most_alike(path, released):
    """The assignment of whose cells a file has most, if it has enough of them, or "".

    Args:
        released: The texts of the assignments' cells, by name.
    """
    try:
        texts = {cell["source"].strip() for cell in reading.load(path)}
    except (reading.NotANotebook, OSError):
        return ""
    shared = {}
    for name, cells in released.items():
        own = {text.strip() for text in cells if len(text) > 40}
        shared[name] = len(texts & own) / max(1, len(own))
    best = max(shared, key=shared.get)
    return best if shared[best] >= 0.4 else ""


def program_version() -> str:
    """Changes with what decides on marks, here and on each Dask worker."""
    reporting = {"__main__.py", "collect.py", "feedback.py", "grade.py", "report.py", "roster.py"}
    files = [f for f in (ROOT / "classroom").glob("*.py") if f.name not in reporting]
    files += (ROOT / "utils").glob("*.py")
    return hashlib.sha256(b"".join(f.read_bytes() for f in sorted(files))).hexdigest()


def _digest(path):
    """Of a file's content; of one that is too large to be read, of its size and time."""
    about = path.stat()
    if about.st_size > reading.MAX_BYTES:
        return f"{about.st_size} {about.st_mtime_ns}"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _identical(jobs):
    """Give each job the digest of its file; returns remarks on files that several handed in."""
    same: dict[str, list] = {}
    for job in jobs:
        with job.step("its file cannot be read"):
            job.key = _digest(job.submission.path)
            if job.submission.path.stat().st_size:
                same.setdefault(job.key, []).append(job.submission)
    return [
        f"the same file, byte for byte: {', '.join(s.student for s in several)}"
        f" ({several[0].assignment})"
        for several in same.values()
        if len(several) > 1
    ]


def _file(course, job, ending):
    """One of a job's files: .json (what came of the run), .ipynb (the rebuilt notebook)."""
    return course.folder / "runs" / job.submission.assignment / f"{job.submission.student}{ending}"


def _taken_up(course, jobs, templates, options, say):
    """Take up what earlier runs have brought back; returns the jobs that are to be run."""
    decides = json.dumps(asdict(options.limits)) + program_version()
    waiting = []
    for job in jobs:
        if job.problem:
            continue
        text = job.key + templates.version(job.submission.assignment) + decides
        job.key = hashlib.sha256(text.encode()).hexdigest()
        try:
            kept = json.loads(_file(course, job, ".json").read_text(encoding="utf-8"))
            findings = [Finding(Kind[kind], text) for kind, text in kept["findings"]]
        except (OSError, ValueError, KeyError, TypeError):
            kept = {}
        if kept.get("key") != job.key or not _file(course, job, ".ipynb").exists():
            waiting.append(job)
            continue
        job.findings, job.isolated = findings, kept["outcome"]["isolated"]
        if not gradebook.is_merged(course, job.submission, job.key):
            _merge(course, job, kept["outcome"]["cells"])
    if len(waiting) < len(jobs):
        say(f"{len(jobs) - len(waiting)} of {len(jobs)} were graded before and have not changed.")
    return waiting


def _keep(course, job, outcome):
    """Store what was brought back, and merge it; what was not graded is tried again."""
    with job.step("what came of it cannot be used"):
        job.problem, job.isolated = outcome["problem"], outcome["isolated"]
        job.seconds = outcome["seconds"]
        if job.problem:
            return  # what the gradebook has of it stays
        job.findings += _findings(job, outcome)
        findings = [(finding.kind.name, finding.text) for finding in job.findings]
        kept = {"key": job.key, "outcome": outcome, "findings": findings}
        write(_file(course, job, ".json"), json.dumps(kept))
        _merge(course, job, outcome["cells"])


def _merge(course, job, results):
    with job.step("its marks could not be written"):
        gradebook.merge(course, job.submission, _file(course, job, ".ipynb"), results, job.key)


def _executed(course, jobs, templates, options, isolated, say):
    """Prepare and run the jobs, several at once; yields each when its marks are written."""
    ready = []
    for job in jobs:
        name = job.submission.assignment
        with job.step("it could not be read"):
            target = _file(course, job, ".ipynb")
            arguments = job.submission.path, templates.of(name), target
            job.code, found, to_run = templates.child.call(prepare, *arguments)
            job.findings = [Finding(kind, text) for kind, text in found]
            if to_run:
                ready.append(job)
                continue
            _keep(course, job, stopped(job.code, "the submission could not be run"))
        yield job
    limits = asdict(options.limits)

    def task(job):
        name = job.submission.assignment
        files = templates.files(name)
        return assignment.task(templates.of(name), job.code, files, limits, isolated)

    tasks = (task(job) for job in ready)
    pool = _on_dask if options.dask else _here
    for index, outcome in pool(tasks, len(ready), options, isolated, say) if ready else ():
        _keep(course, ready[index], outcome)
        yield ready[index]


def _findings(job, outcome):
    """What happened in the run, in words."""
    found = []
    if outcome["isolated"] is None:  # nothing was run
        return found
    for cell, result in zip(job.code, outcome["cells"], strict=True):
        label = cell["name"] or "a cell of the student's own"
        failed = [o for o in result["outputs"] if o["output_type"] == "error"]
        if result["beyond"]:
            found.append(Finding(Kind.LIMIT, f"{label} {result['beyond']}: stopped"))
        elif cell["kind"] != "test" and failed:
            name, text = failed[0]["ename"], failed[0]["evalue"].strip().splitlines() or [""]
            if name != "NotImplementedError":  # an answer that was not written
                found.append(Finding(Kind.FAILED, f"{label}: {name}: {text[0][:120]}"))
    return found


def _here(tasks, number, options, isolated, say):
    """Run the tasks on all cores of this machine; yields each one's number and outcome."""
    cores = os.cpu_count() or 1
    room_for = int(0.8 * psutil.virtual_memory().total / 1e9 / options.limits.memory_gb)
    workers = options.workers or max(1, min(cores, room_for))
    say(f"{number} to grade, {min(workers, number)} at once. {sandbox.sentence(isolated)}")
    os.environ["COURSE_THREADS"] = str(max(1, cores // workers))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(execute.run, task): index for index, task in enumerate(tasks)}
        try:
            for future in concurrent.futures.as_completed(running):
                index = running[future]
                try:
                    yield index, future.result()
                except Exception as error:
                    problem = f"the grading itself failed ({type(error).__name__}: {error})"
                    yield index, stopped([], problem, problem)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _on_dask(tasks, number, options, isolated, say):
    """Run the tasks on a Dask cluster; yields each one's number and outcome."""
    from classroom import cluster

    return cluster.run(tasks, options.dask, isolated, program_version, say)


def _line(course, job):
    what = f"{line(job.submission.student)}, {job.submission.assignment}: "
    if job.problem:
        return what + "NOT GRADED"
    (marks,) = gradebook.marks_of(course, [job.pair]).values()
    what += f"{marks.score:g} of {marks.max_score:g}"
    what += ", to be marked by hand" if marks.to_mark else ""
    what += f", {job.seconds:.0f} s" if job.seconds else ""
    return what + (", see the report" if job.all_findings() else "")

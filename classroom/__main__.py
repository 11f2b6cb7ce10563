"""The teacher's commands.

python -m classroom release [--class folder] [--assignment name]
python -m classroom grade submissions [--class folder] [--assignment name] [--roster file.csv] ...
python -m classroom formgrader [--class folder]
"""

import argparse
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the list of all options."""

    def error(self, message):
        self.exit(2, f"{message}\n")


def positive(kind):
    """An argument's type: a number of this kind above 0."""

    def read(text):
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
        return number

    return read


def path(text):
    """A path with ~ written out: not every shell does that after SUBMISSIONS=."""
    return os.path.expanduser(text)


def parser():
    """The commands' options."""
    options = Parser(prog="python -m classroom", description=__doc__)
    commands = options.add_subparsers(dest="command", required=True)
    for name in ("formgrader", "release", "grade"):
        command = commands.add_parser(name)
        command.add_argument(
            "--class", dest="folder", type=path, default="class", help="the class's folder"
        )
        command.add_argument(
            "--source", type=path, default="", help="the assignments, with solutions"
        )
        command.add_argument("--assignment", default="", help="one of them, or its beginning: 03")
        if name == "release":
            command.add_argument("--repository", default="", help="owner/name, for the Colab badge")
    command.add_argument("submissions", type=path, nargs="?", default="")
    command.add_argument("--roster", type=path, default="", help="a CSV file with a column id")
    command.add_argument("--due", default="", help='2026-12-01 or "2026-12-01 18:00"')
    command.add_argument("--dask", default="", help="a scheduler: tls://host:8786")
    command.add_argument(
        "--isolation", default="", choices=("", "none"), help="none: run them under your own user"
    )
    command.add_argument("--workers", type=positive(int), default=0, help="submissions at once")
    for name, unit in (("cell_seconds", "a cell"), ("seconds", "a notebook"),
                       ("memory_gb", "a submission"), ("output_kb", "a cell")):  # fmt: skip
        command.add_argument(
            f"--{name.replace('_', '-')}", type=positive(float), help=f"limit of {unit}"
        )
    return options


def main(arguments=None):
    """Run a command; what a teacher can put right ends in one sentence."""
    chosen, more = parser().parse_known_args(arguments)
    if more and chosen.command != "formgrader":
        parser().error(f"unknown: {' '.join(more)}")
    for stream in (sys.stdout, sys.stderr):  # names of files may be any bytes
        stream.reconfigure(errors="backslashreplace")
    try:
        from sqlalchemy.exc import DatabaseError

        from classroom import execute, grade, release, sandbox
        from classroom.coursedir import ClassroomError, CourseDirectory
        from classroom.findings import line
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed here: use `make {chosen.command}`.", file=sys.stderr)
        return 1
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="nbgrader")  # about its own use of SQLAlchemy
    folder = Path(chosen.folder)
    try:
        source = Path(chosen.source) if chosen.source else CourseDirectory.source
        repository = chosen.repository if chosen.command == "release" else ""
        course = CourseDirectory(folder, source, repository)
        if chosen.command == "formgrader":
            return formgrader(course, more)
        if chosen.command == "release":
            return 1 if release.release(course, chosen.assignment, say) else 0
        if not chosen.submissions:
            raise ClassroomError("Say where the submissions are: SUBMISSIONS=folder.")
        given = {name: getattr(chosen, name) for name in vars(execute.Limits())}
        limits = execute.Limits(**{k: v for k, v in given.items() if v is not None})
        names = ("submissions", "assignment", "roster", "due", "dask", "workers", "isolation")
        options = {name: getattr(chosen, name) for name in names}
        summary = grade.grade(course, grade.Options(**options, limits=limits), say)
    except (ClassroomError, sandbox.Refused) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # no rights, no room on the disk
        print(f"{error.strerror or error}: {error.filename or folder}", file=sys.stderr)
        return 1
    except DatabaseError as error:
        where = folder / "gradebook.db"
        sentence = (
            f"The gradebook {where} is in use by another program: close it and run this again."
            if "locked" in str(error.orig)
            else f"The gradebook {where} cannot be used ({error.orig}): put a copy back, or move it"
            " away. Machine marks come back by grading again, marks by hand do not."
        )
        print(sentence, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was graded is kept: run it again to go on.", file=sys.stderr)
        return 1
    finally:
        hand_over(folder)
    say(f"{folder}/scores.csv, {folder}/report.md, {folder}/feedback/")
    for job in summary.not_graded():
        say(f"NOT GRADED: {line(job.submission.student)}: {line(job.problem)}")
    return 1 if summary.not_graded() else 0


#: The formgrader shows what students wrote: its pages load pictures from nowhere else.
POLICY = "frame-ancestors 'self'; img-src 'self' data: blob:; media-src 'self'; object-src 'none'"


def formgrader(course, options=()):
    """Start JupyterLab, with these options of its own, in the class's folder, at the formgrader."""
    from classroom.coursedir import ClassroomError, find_programs

    if not (course.folder / "gradebook.db").exists():
        raise ClassroomError(f"There is no gradebook in {course.folder}: grade something first.")
    course.write_config()
    find_programs()
    argv = [sys.executable, "-m", "jupyter", "lab", "--LabApp.default_url=/formgrader"]
    settings = {"headers": {"Content-Security-Policy": POLICY}}
    argv.append(f"--ServerApp.tornado_settings={settings!r}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        argv.append("--allow-root")
    argv += options
    return subprocess.call(argv, cwd=course.folder)


def hand_over(folder):
    """After `sudo make grade` the class's files belong to who typed it, not to root.

    Only in a folder of theirs: a class's folder that was mistyped may be anything.
    """
    owner, group = (os.environ.get(name, "") for name in ("SUDO_UID", "SUDO_GID"))
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and owner.isdigit() and group.isdigit()):
        return
    if not folder.is_dir() or folder.resolve().parent.stat().st_uid != int(owner):
        return
    for place in [folder, *folder.rglob("*")]:
        os.chown(place, int(owner), int(group), follow_symlinks=False)


def say(line):
    """Print at once: a long run is watched."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

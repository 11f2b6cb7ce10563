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
    command.add_argument("--dask", default="", help="a scheduler: tcp://host:8786")
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
    try:
        from sqlalchemy.exc import DatabaseError

        from classroom import collect, execute, grade, release
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed here: use `make {chosen.command}`.", file=sys.stderr)
        return 1
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="nbgrader")  # about its own use of SQLAlchemy
    room = release.Class(Path(chosen.folder))
    if chosen.source:
        room.source = Path(chosen.source)
    try:
        if chosen.command == "formgrader":
            return formgrader(room, more)
        if chosen.command == "release":
            room.repository = chosen.repository
            return 1 if release.release(room, chosen.assignment, say) else 0
        if not chosen.submissions:
            raise release.ClassroomError("Say where the submissions are: SUBMISSIONS=folder.")
        given = {name: getattr(chosen, name) for name in vars(execute.Limits())}
        limits = execute.Limits(**{k: v for k, v in given.items() if v is not None})
        names = ("submissions", "assignment", "roster", "due", "dask", "workers")
        told = {name: getattr(chosen, name) for name in names}
        summary = grade.grade(room, grade.Options(**told, limits=limits), say)
    except (release.ClassroomError, collect.CollectError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # no rights, no room on the disk
        place = error.filename or room.folder
        print(f"{error.strerror or error}: {place}", file=sys.stderr)
        return 1
    except DatabaseError as error:
        where = room.folder / "gradebook.db"
        print(
            f"The gradebook {where} cannot be used ({error.orig}): put a copy back, or move it"
            " away. Machine marks come back by grading again, marks by hand do not.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was graded is kept: run it again to go on.", file=sys.stderr)
        return 1
    finally:
        hand_over(room.folder)
    say(f"{room.folder}/scores.csv, {room.folder}/report.md, {room.folder}/feedback/")
    for job in summary.not_graded():
        say(f"NOT GRADED: {job.submission.student}: {job.outcome['problem']}")
    return 1 if summary.not_graded() else 0


def formgrader(room, options=()):
    """Start JupyterLab, with these options of its own, in the class's folder, at the formgrader."""
    from classroom.release import ClassroomError, find_programs

    if not (room.folder / "gradebook.db").exists():
        raise ClassroomError(f"There is no gradebook in {room.folder}: grade something first.")
    room.write_config()
    find_programs()
    argv = [sys.executable, "-m", "jupyter", "lab", "--LabApp.default_url=/formgrader"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        argv.append("--allow-root")
    argv += options
    return subprocess.call(argv, cwd=room.folder)


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

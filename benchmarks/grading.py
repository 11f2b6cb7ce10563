"""Time the grading of good submissions: ours on all cores, and nbgrader's own, one at a time.

Both grade the same files and write feedback, each as the command that a teacher would type, one
after the other with nothing else at work. Writes benchmarks/results/grading.json.

python -m benchmarks.grading [--assignments 01 05] [--students 6]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from benchmarks.runs import RESULTS, here
from classroom import mend, release

sys.path.insert(0, str(release.COURSE / "tests" / "classroom"))
import toy  # noqa: E402

GOOD = ("good", "Ada", "Grace", "Łukasz", "李", "Zoë", "warner", "talker")


def solved(room, name):
    """An assignment's student version with its solutions written in."""
    path = room.folder / "release" / name / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    source = nbformat.read(room.source / name / f"{name}.ipynb", as_version=4)
    for cell, original in zip(notebook.cells, source.cells, strict=True):
        if mend.role(cell) == mend.ANSWER:
            lines = original.source.splitlines()
            marked = ("### BEGIN SOLUTION", "### END SOLUTION", "<!-- BEGIN", "<!-- END")
            cell.source = "\n".join(x for x in lines if not x.strip().startswith(marked))
    return notebook


def seconds(argv, folder, log):
    """How long a command takes; what it prints goes to a file."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    }
    start = time.monotonic()
    with open(log, "a") as file:
        subprocess.run(
            [str(a) for a in argv],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=file,
            check=True,
        )
    return round(time.monotonic() - start, 1)


def scores(database, name):
    with Gradebook(f"sqlite:///{database}") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(name)}


def compare(source, name, notebooks):
    """Grade {student: notebook} both ways; returns the times and whether the scores agree."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        ours, theirs = folder / "ours", folder / "theirs"
        shutil.copytree(source, theirs / "source")
        settings = source.parent / "nbgrader_config.py"
        shutil.copy(settings, theirs)
        room = release.Class(ours, source)
        release.make(room, name)
        for student, notebook in notebooks(room).items():
            text = nbformat.writes(nbformat.from_dict(notebook))
            for path in (
                folder / "in" / f"{student}_{name}.ipynb",
                theirs / "submitted" / student / name / f"{name}.ipynb",
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        log = folder / "log"
        nbgrader = [sys.executable, "-m", "nbgrader"]
        seconds([*nbgrader, "generate_assignment", name], theirs, log)
        command = [sys.executable, "-m", "classroom", "grade", folder / "in", "--class", ours]
        result = {
            "submissions": len(list((folder / "in").iterdir())),
            "ours": seconds([*command, "--source", source], release.COURSE, log),
            "nbgrader_autograde": seconds([*nbgrader, "autograde", name], theirs, log),
            "nbgrader_feedback": seconds([*nbgrader, "generate_feedback", name], theirs, log),
        }
        result["ratio"] = round(
            result["ours"] / (result["nbgrader_autograde"] + result["nbgrader_feedback"]), 2
        )
        same = scores(ours / "gradebook.db", name) == scores(theirs / "gradebook.db", name)
        return result | {"same_scores": same}


def toys(room):
    """The good submissions of the tests' batch, those that nbgrader alone grades right."""
    version = nbformat.read(room.folder / "release" / toy.NAME / f"{toy.NAME}.ipynb", 4)
    batch = toy.batch(version, "/nowhere", 9).values()
    kept = {s: json.loads(c) for c, s, score, _ in batch if score == 10 and s.startswith(GOOD)}
    del kept["warner"]  # nbgrader gives no points where something is written to stderr
    return kept


class Copies:
    """As many students as are asked for, all with the solutions."""

    def __init__(self, name, students):
        self.name, self.students = name, students

    def __call__(self, room):
        return dict.fromkeys((f"s{n}" for n in range(self.students)), solved(room, self.name))


def main():
    """Measure the toys of the tests' batch, then real assignments."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--assignments", nargs="*", default=["01"])
    options.add_argument("--source", type=Path, default=release.Class.source)
    options.add_argument("--students", type=int, default=6)
    chosen = options.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        source = toy.write_source(Path(folder))
        results["toy"] = compare(source, toy.NAME, toys)
    print("toy", results["toy"], flush=True)
    room = release.Class(Path("unused"), chosen.source)
    for name in [n for a in chosen.assignments for n in room.chosen(a)]:
        results[name] = compare(room.source, name, Copies(name, chosen.students))
        print(name, results[name], flush=True)
    stored = {"header": [here(("nbgrader",))], "runs": results}
    (RESULTS / "grading.json").write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()

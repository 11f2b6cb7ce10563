"""A class's course directory, in nbgrader's sense, and the assignments that it can be given.

It is not part of the course: release/ (what students get), gradebook.db, and what grading adds.
"""

import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from scripts import setup_cell
from utils import ROOT

BUSY_SECONDS = 20  # how long another program may hold the gradebook before we give up


class ClassroomError(Exception):
    """Something that a teacher can put right; the message says how."""


@dataclass(frozen=True)
class CourseDirectory:
    """A class's folder, and the assignments that it can be given."""

    folder: Path
    source: Path = ROOT / "assignments" / "source"
    repository: str = ""  # owner/name of where students find the notebooks, for the Colab badge

    def __post_init__(self):
        if "?" in str(self.folder.resolve()):
            raise ClassroomError(f"A class's folder may have no ? in its name: {self.folder}.")

    @property
    def database(self) -> str:
        path = (self.folder / "gradebook.db").resolve()
        return f"sqlite:///{path}?timeout={BUSY_SECONDS}"

    def gradebook(self) -> Gradebook:
        """The class's gradebook, as a context."""
        return Gradebook(self.database)

    def config(self) -> Config:
        """nbgrader's settings: those of the assignments, and where this class keeps its files."""
        try:
            loader = PyFileConfigLoader("nbgrader_config.py", str(self.source.parent))
            config = loader.load_config()
        except ConfigFileNotFound:
            config = Config()
        config.CourseDirectory.root = str(self.folder.resolve())
        config.CourseDirectory.source_directory = str(self.source.resolve())
        config.CourseDirectory.db_url = self.database
        return config

    def write_config(self) -> None:
        """Settings with which nbgrader, started in the class's folder, finds everything."""
        directory = f"c.CourseDirectory.source_directory = {str(self.source.resolve())!r}\n"
        settings = (
            f'load_subconfig("nbgrader_config.py", path={str(self.source.parent.resolve())!r})'
        )
        if not (self.source.parent / "nbgrader_config.py").exists():
            settings = ""
        write(
            self.folder / "nbgrader_config.py",
            f"# Written by `make release` and `make grade`.\nc = get_config()\n{settings}\n"
            f"c.CourseDirectory.root = {str(self.folder.resolve())!r}\n{directory}",
        )

    def api(self) -> NbGraderAPI:
        """nbgrader, at work in this class; it keeps its log to itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_config()
        find_programs()
        logging.disable(logging.CRITICAL)  # it misses the exchange, which is not used here
        try:
            api = NbGraderAPI(config=self.config())
        finally:
            logging.disable(logging.NOTSET)
        api.log.handlers[:] = []
        api.log.propagate = False
        api.log_level = logging.ERROR
        return api

    def assignments(self) -> list[str]:
        """The names of all assignments that there are sources of."""
        if not self.source.is_dir():
            raise ClassroomError(f"There are no assignments: {self.source} does not exist.")
        names = [p.name for p in self.source.iterdir() if (p / f"{p.name}.ipynb").is_file()]
        if not names:
            raise ClassroomError(f"There are no assignments in {self.source}.")
        return sorted(names)

    def chosen(self, name="") -> list[str]:
        """All assignments, or those whose name begins with `name`."""
        names = self.assignments()
        found = [n for n in names if n == name] or [n for n in names if n.startswith(name)]
        if not found:
            raise ClassroomError(f'There is no assignment "{name}"; there are: {", ".join(names)}.')
        return found

    def source_of(self, name) -> Path:
        """An assignment's notebook with solutions."""
        return self.source / name / f"{name}.ipynb"

    def released(self, name) -> Path:
        """An assignment's student version."""
        return self.folder / "release" / name / f"{name}.ipynb"

    def autograded(self, student, name) -> Path:
        """Where nbgrader looks for a graded submission."""
        return self.folder / "autograded" / student / name / f"{name}.ipynb"

    def files(self, name) -> dict[str, bytes]:
        """What an assignment needs besides its notebook, by its path in the assignment's folder."""
        folder = self.source / name
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".ipynb" and "checkpoints" not in str(path)
        }

    def version(self, name) -> str:
        """Changes whenever the assignment does."""
        digest = hashlib.sha256(self.source_of(name).read_bytes())
        settings = self.source.parent / "nbgrader_config.py"
        if settings.exists():
            digest.update(settings.read_bytes())
        for path, content in self.files(name).items():
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def _state(self) -> dict:
        file = self.folder / "versions.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def released_version(self, name) -> str:
        """The version that students and the gradebook have, or ""."""
        if not (self.released(name).exists() and (self.folder / "gradebook.db").exists()):
            return ""
        with self.gradebook() as gradebook:
            try:
                gradebook.find_notebook(name, name)
            except MissingEntry:  # the gradebook is a new one
                return ""
        return self._state().get(name, "")

    def note_version(self, name) -> None:
        """Remember that the assignment as it is now was released, and for which repository."""
        state = self._state() | {name: self.version(name)}
        if self.repository:
            state["repository"] = self.repository
        write(self.folder / "versions.json", json.dumps(state, indent=1))

    def address(self) -> setup_cell.Address:
        """The repository and branch from which students open the notebooks."""
        own = self.repository or self._state().get("repository", "")
        return setup_cell.Address(own) if own else setup_cell.address()


def find_programs() -> None:
    """Let nbgrader find `alembic`, which it calls to make a gradebook, beside this Python."""
    own, known = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if known.split(os.pathsep)[0] != own:
        os.environ["PATH"] = os.pathsep.join([own, known])


def write(path, text) -> None:
    """Write a file so that it is there whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    draft.replace(path)

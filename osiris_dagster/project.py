"""A project on disk: where its root is, and the rule that a path of OML may not leave it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.errors import ConfigError

MARKER = "osiris.yaml"


@dataclass(frozen=True, slots=True)
class Project:
    """The folders of one project; everything the product writes lies below `root`."""

    root: Path

    @property
    def pipelines(self) -> Path:
        """OML files."""
        return self.root / "pipelines"

    @property
    def build(self) -> Path:
        """Compiled manifests."""
        return self.root / "build"

    @property
    def aiop(self) -> Path:
        """Exported packages."""
        return self.root / "aiop"

    @property
    def state(self) -> Path:
        """What is not for people: Dagster's home, queues, checkpoints."""
        return self.root / ".osiris"

    @property
    def compiled(self) -> Path:
        """Results of compilations, so that an unchanged file is not compiled again; may be deleted."""
        return self.state / "compiled"

    @property
    def dagster_home(self) -> Path:
        """Folder of `dagster.yaml` and of Dagster's event log."""
        return self.state / "dagster_home"

    def relative(self, path: Path) -> str:
        """Return `path` as OML and records write it: relative to the root, with forward slashes, always valid text."""
        absolute = path if path.is_absolute() else self.root / path
        text = Path(os.path.relpath(absolute, self.root)).as_posix()
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def inside(self, path: str) -> Path:
        """Return the absolute path of a project path; ConfigError when it leads out, also through a link."""
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise ConfigError(
                f"path {path!r} leaves the project",
                code="CFG010",
                found=path,
                expected="a path below the project root, relative to it",
                fix="move the file into the project or run with --project on the folder that holds it",
            )
        return target


def leaves_project(path: str) -> bool:
    """Tell from the text alone whether a path is absolute or climbs out; `inside` also follows links."""
    if path.startswith(("/", "\\", "~")) or (len(path) > 1 and path[1] == ":"):
        return True
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return True
    return False


def find_project(explicit: str = "", *, cwd: Path | None = None, env: Mapping[str, str] = os.environ) -> Project:
    """Find the project: `--project`, else OSIRIS_HOME, else the nearest folder with `osiris.yaml`, else the cwd.

    Raises ConfigError when a folder was named and does not exist.
    """
    here = (cwd or Path.cwd()).resolve()
    named = explicit or env.get("OSIRIS_HOME", "")
    if named:
        root = (here / Path(named).expanduser()).resolve()
        if not root.is_dir():
            raise ConfigError(
                f"project folder {named!r} does not exist",
                code="CFG011",
                found=named,
                expected="an existing folder",
                fix="check --project and OSIRIS_HOME",
            )
        return Project(root)
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return Project(folder)
    return Project(here)

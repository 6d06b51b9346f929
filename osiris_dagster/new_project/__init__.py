"""The files of a new project: folders, settings, an example pipeline and its data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.project import MARKER

_TEMPLATES = files(__name__)
_FILES = {
    "osiris.yaml": MARKER,
    "osiris_connections.yaml": "osiris_connections.yaml",
    "workspace.yaml": "workspace.yaml",
    "gitignore": ".gitignore",
    "cities.csv": "data/cities.csv",
    "cities.yaml": "pipelines/cities.yaml",
}


def make_project(root: Path, *, embedded: bool = False) -> list[str]:
    """Write the files that are not there yet, and return their names; a project of its own has a workspace, too."""
    made = []
    for source, target in _FILES.items():
        if not (root / target).exists() and not (embedded and target == "workspace.yaml"):
            write_bytes(root / target, (_TEMPLATES / source).read_bytes())
            made.append(target)
    return made

"""Make a project that runs at once: folders, settings, an example pipeline and its data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import MARKER
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome

_TEMPLATES = files("osiris_dagster.verbs") / "project"
_FILES = {
    "osiris.yaml": MARKER,
    "osiris_connections.yaml": "osiris_connections.yaml",
    "workspace.yaml": "workspace.yaml",
    "gitignore": ".gitignore",
    "cities.csv": "data/cities.csv",
    "cities.yaml": "pipelines/cities.yaml",
}


def init(asked: Asked, *, folder: str = ".") -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """Make a project in `folder`; ConfigError where one is already. Files that exist are kept."""
    root = Path(folder).resolve()
    if (root / MARKER).exists():
        raise ConfigError(
            f"{folder} holds a project already",
            code="CFG040",
            found=MARKER,
            expected="a folder without a project",
            fix="go on with `osiris validate pipelines/*.yaml`",
        )
    made = []
    for source, target in _FILES.items():
        if not (root / target).exists():
            write_bytes(root / target, (_TEMPLATES / source).read_bytes())
            made.append(target)
    text = "\n".join(
        [
            *(f"  {name}" for name in made),
            "",
            "next:",
            *([f"  cd {folder}"] if folder != "." else []),
            "  osiris run pipelines/cities.yaml",
            "  osiris logs aiop --last --format md",
        ]
    )
    return Outcome({"folder": folder, "files": made}, text)

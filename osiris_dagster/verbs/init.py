"""Make a project that runs at once: folders, settings, an example pipeline and its data."""

from __future__ import annotations

from pathlib import Path

from osiris_dagster.errors import ConfigError
from osiris_dagster.new_project import make_project
from osiris_dagster.project import MARKER
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome


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
    made = make_project(root)
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

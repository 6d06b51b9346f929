"""What the command line and the environment say beside the OML, and the files it names. Light: no driver, no SQL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osiris_dagster.errors import ConfigError, Place
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.validate import Mode
from osiris_dagster.project import MARKER, Project


@dataclass(frozen=True, slots=True)
class Settings:
    """How files of a project are to be read: what the command line and the environment say beside the OML."""

    mode: Mode = "warn"
    profile: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    connections_file: str = ""
    secrets_file: str = ""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)


def read_oml(path: Path, shown: str) -> bytes:
    """Return the bytes of an OML file; ConfigError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read {shown}",
            code="CFG020",
            found=error.strerror or type(error).__name__,
            expected="a readable OML file",
            fix="check the path; it is relative to the working directory",
        ) from None


def project_options(project: Project, section: str) -> Mapping[str, Any] | None:
    """Return what a section of osiris.yaml says, None without one. ConfigError when it is no mapping.

    The file is read by the rules of OML: YAML 1.2, every key once, within limits.
    """
    path = project.root / MARKER
    try:
        document = compose(path.read_bytes() if path.is_file() else b"", MARKER)
    except OSError as error:
        raise _unreadable(str(error).splitlines()[0], Place(MARKER)) from None
    if document.faults:
        first = document.faults[0]
        raise _unreadable(first.message, first.place or Place(MARKER))
    value = document.value
    found = value.get(section) if isinstance(value, dict) else None
    if found is None or isinstance(found, dict):
        return found
    raise ConfigError(
        f"`{section}` in {MARKER} is not allowed",
        code="AIO031",
        found=str(found)[:200],
        expected="a mapping of options",
        fix=f"correct `{section}` in {MARKER}",
    )


def _unreadable(found: str, place: Place) -> ConfigError:
    return ConfigError(
        f"{MARKER} cannot be read",
        code="AIO030",
        place=place,
        found=found,
        expected="a YAML mapping",
        fix=f"correct {MARKER}",
    )

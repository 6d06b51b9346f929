"""Where checkpoints are kept: OSIRIS_CHECKPOINTS, else `checkpoints.url` in osiris.yaml, else `.osiris/checkpoints`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from upath import UPath

from osiris_dagster.errors import ConfigError
from osiris_dagster.project import MARKER, Project
from osiris_dagster.settings import project_options

Place = Path | UPath
"""A file or folder: on a disk of this machine, or in other storage."""
VARIABLE = "OSIRIS_CHECKPOINTS"


def checkpoint_place(project: Project, env: Mapping[str, str] = os.environ) -> Place:
    """Return the place, a folder or any URL that fsspec knows; ConfigError for one that cannot be used.

    A relative folder is below the project. Credentials are not part of the URL: fsspec finds them in the environment.
    """
    options = project_options(project, "checkpoints") or {}
    if unknown := sorted(set(options) - {"url"}):
        raise _unfit(f"`checkpoints.{unknown[0]}` in {MARKER}", str(unknown[0]), "only `url`", "remove it")
    where, url = (
        (f"the variable {VARIABLE}", env[VARIABLE])
        if env.get(VARIABLE)
        else (f"`checkpoints.url` in {MARKER}", options.get("url", ".osiris/checkpoints"))
    )
    if not isinstance(url, str) or not url:
        raise _unfit(where, str(url), "a folder or a URL", "write it as text")
    if "@" in urlsplit(url).netloc:
        raise _unfit(where, "a URL with credentials", "a URL without", "let the environment of the workers hold them")
    if url.startswith("file://"):
        url = urlsplit(url).path
    if "://" not in url:
        return project.root / url
    try:
        place = UPath(url)
        place.fs  # noqa: B018 - the library of this kind of storage is imported here
    except (ImportError, ValueError) as error:
        raise _unfit(where, str(error), "storage whose library is installed", "install it on every worker") from None
    return place


def _unfit(where: str, found: str, expected: str, fix: str) -> ConfigError:
    return ConfigError(
        f"{where} cannot be the place of checkpoints", code="RUN092", found=found, expected=expected, fix=fix
    )

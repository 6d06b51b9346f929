"""What a code location is made of: compiled when it is initialised, and exactly the same in every worker after it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType

from osiris_dagster.atomic import write_bytes
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load, store
from osiris_dagster.errors import CompileError, ConfigError, Diagnostic, Place
from osiris_dagster.loading import Broken, Folder, Loaded, load_folder
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings

STATE = "osiris/manifests"


@dataclass(frozen=True, slots=True)
class Location:
    """The pipelines of a project as one initialisation saw them; `pins` names exactly these."""

    project: Project
    manifests: tuple[Manifest, ...]
    broken: tuple[Broken, ...]
    pins: str


def pinned(key: str) -> str | None:
    """Return what the initialisation left under `key` for this worker; None where nothing is being reconstructed."""
    context = DefinitionsLoadContext.get()
    if context.load_type != DefinitionsLoadType.RECONSTRUCTION:
        return None
    value = context.reconstruction_metadata.get(key)
    return None if value is None else str(value)


def pin(key: str, value: str) -> None:
    """Leave a value for the workers that reconstruct this location."""
    DefinitionsLoadContext.get().add_to_pending_reconstruction_metadata(key, value)


def location_of(project: Project, kept: Path | None = None) -> Location:
    """Return what the location is made of: `kept` state if there is one, else the files of the project as they are.

    A worker gets the manifests that the initialisation saw, from `build/` or, on another machine, out of `kept`.
    """
    if (pins := pinned(STATE)) is not None:
        return _reconstructed(project, pins, kept)
    folder = load_folder(project, Settings()) if kept is None else restore(project, kept)
    pins = _pins(folder)
    pin(STATE, pins)
    return Location(project, tuple(item.manifest for item in folder.loaded), folder.broken, pins)


def _pins(folder: Folder) -> str:
    return json.dumps(
        {
            "manifests": [[item.manifest.pipeline, item.manifest.hash] for item in folder.loaded],
            "broken": _broken_dicts(folder.broken),
        }
    )


def _reconstructed(project: Project, pins: str, kept: Path | None) -> Location:
    state = json.loads(pins)
    try:
        manifests = _stored(project, state["manifests"])
    except CompileError:
        if kept is None:
            raise
        restore(project, kept)
        manifests = _stored(project, state["manifests"])
    return Location(project, manifests, _broken_from(state["broken"]), pins)


def _stored(project: Project, named: Iterable[tuple[str, str]]) -> tuple[Manifest, ...]:
    return tuple(load(project.build, name, digest) for name, digest in named)


def keep(project: Project, path: Path) -> None:
    """Compile the project and write all of it to one file, from which `restore` makes it on any machine."""
    folder = load_folder(project, Settings())
    state = {
        "loaded": [[item.file, item.text, item.manifest.to_json()] for item in folder.loaded],
        "broken": _broken_dicts(folder.broken),
    }
    write_bytes(path, json.dumps(state))


def restore(project: Project, path: Path) -> Folder:
    """Read what `keep` wrote, and put its manifests where runs and packages look for them."""
    try:
        state = json.loads(path.read_bytes())
        loaded = tuple(Loaded(file, Manifest.from_json(found), text) for file, text, found in state["loaded"])
        broken = _broken_from(state["broken"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            "the kept state of the Osiris component cannot be read",
            code="CFG069",
            found=f"{type(error).__name__} in {path.name}",
            expected="the state as this version writes it",
            fix="dg utils refresh-defs-state",
        ) from None
    for item in loaded:
        store(project.build, item.manifest, item.text)
    return Folder(loaded, broken)


def _broken_dicts(broken: Iterable[Broken]) -> list[list[Any]]:
    return [[item.file, [d.as_dict() for d in item.diagnostics]] for item in broken]


def _broken_from(state: Iterable[tuple[str, list[dict[str, Any]]]]) -> tuple[Broken, ...]:
    return tuple(Broken(file, tuple(_diagnostic(file, d) for d in found)) for file, found in state)


def _diagnostic(file: str, found: dict[str, Any]) -> Diagnostic:
    """Return a finding from its JSON form, with all that is shown of it."""
    place = Place(found.get("file", file), found.get("line", 1), found.get("column", 1))
    shown = {name: found.get(name, "") for name in ("path", "found", "expected", "fix", "example", "source")}
    return Diagnostic(found["code"], found["message"], severity=found["severity"], place=place, **shown)

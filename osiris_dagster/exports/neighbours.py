"""Which pipelines of the project read and write what: from the latest manifests, remembered between exports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import canonical_json
from osiris_dagster.codec import from_stamped, stamped
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import LATEST, load_latest
from osiris_dagster.errors import CompileError
from osiris_dagster.project import Project
from osiris_dagster.runs.surroundings import Downstream
from osiris_dagster.runs.upstream import Writer

Key = tuple[str, ...]
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Touch:
    """What one step reads and writes, and which steps it needs."""

    step: str
    needs: tuple[str, ...]
    reads: tuple[Key, ...]
    writes: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One pipeline of the project as the others see it."""

    pipeline: str
    file: str
    owners: tuple[str, ...]
    steps: tuple[Touch, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A pipeline as its manifest of that name was read."""

    version: str
    pipeline: Neighbour


@dataclass(frozen=True, slots=True)
class _Cache:
    pipelines: Mapping[str, _Known]  # by folder below build/


def neighbours(project: Project) -> tuple[Neighbour, ...]:
    """Return every pipeline whose OML file is still there, by name; only manifests that are new are read."""
    cache = project.state / "neighbours.json"
    known = _remembered(cache)
    fresh: dict[str, _Known] = {}
    for pointer in sorted(project.build.glob(f"*/{LATEST}")):
        folder, version = pointer.parent.name, pointer.read_text(encoding="utf-8", errors="replace").strip()
        if folder in known and known[folder].version == version:
            fresh[folder] = known[folder]
        else:
            try:
                found = _neighbour(load_latest(project.build, folder))
            except CompileError:
                continue  # damaged or half gone: its own runs say so
            fresh[folder] = _Known(version, found)
    if fresh != known:
        write_bytes(cache, canonical_json(stamped(_Cache(fresh), _VERSION)))
    every = [item.pipeline for item in fresh.values()]
    return tuple(n for n in sorted(every, key=lambda n: n.pipeline) if (project.root / n.file).is_file())


def writers_of(known: Iterable[Neighbour]) -> dict[Key, tuple[Writer, ...]]:
    """Return who writes each dataset."""
    result: dict[Key, tuple[Writer, ...]] = {}
    for neighbour in known:
        for step in neighbour.steps:
            for key in step.writes:
                result[key] = (*result.get(key, ()), (neighbour.pipeline, step.step))
    return result


def downstream_of(manifest: Manifest, known: Iterable[Neighbour]) -> tuple[Downstream, ...]:
    """Return the other pipelines that need what this one writes, the nearest first."""
    others = [n for n in known if n.pipeline != manifest.pipeline]
    front: set[Key] = {write.key for step in manifest.steps for write in step.writes}
    reached: dict[str, Downstream] = {}
    seen: set[Key] = set()
    distance = 0
    while front:
        distance, seen, following = distance + 1, seen | front, set[Key]()
        for neighbour in others:
            touched = {key for step in neighbour.steps for key in step.reads if key in front}
            if touched and neighbour.pipeline not in reached:
                through = tuple(sorted("/".join(key) for key in touched))
                reached[neighbour.pipeline] = Downstream(
                    neighbour.pipeline, neighbour.file, neighbour.owners, distance, through
                )
            following |= _written_after(neighbour, touched)
        front = following - seen
    return tuple(sorted(reached.values(), key=lambda item: (item.distance, item.pipeline)))


def _written_after(neighbour: Neighbour, touched: set[Key]) -> set[Key]:
    """Return what a pipeline writes in steps that read one of these datasets, or that need such a step."""
    reached: set[str] = set()
    for step in neighbour.steps:  # in an order in which each comes after its needs
        if touched & set(step.reads) or reached & set(step.needs):
            reached.add(step.step)
    return {key for step in neighbour.steps if step.step in reached for key in step.writes}


def _neighbour(manifest: Manifest) -> Neighbour:
    steps = (
        Touch(step.id, step.needs, tuple(r.key for r in step.reads), tuple(w.key for w in step.writes))
        for step in manifest.steps
    )
    return Neighbour(manifest.pipeline, manifest.file, manifest.owners, tuple(steps))


def _remembered(path: Path) -> Mapping[str, _Known]:
    """Return what was read last time; nothing when the file is missing, damaged or of another version."""
    with suppress(OSError, ValueError):
        cache = from_stamped(_Cache, json.loads(path.read_bytes()), _VERSION)
        return cache.pipelines if cache else {}
    return {}

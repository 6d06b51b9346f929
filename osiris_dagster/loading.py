"""OML files of a project in, manifests or diagnostics out: what `validate` and `compile` mean for a file on disk."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.compiler.compile import Compiled, compile_pipeline
from osiris_dagster.compiler.draft import Inputs
from osiris_dagster.compiler.lock import SchemaLock, lock_path, read_lock
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.names import identifier, key_part
from osiris_dagster.compiler.store import store
from osiris_dagster.drivers.connections import Connections
from osiris_dagster.errors import Diagnostic, OmlError, OsirisError, Place
from osiris_dagster.oml.validate import validate
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings, connections_of, read_oml
from osiris_dagster.specs.load import load_catalogue

OML_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One OML file that compiles."""

    file: str
    manifest: Manifest
    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """One OML file that does not; the diagnostics say why."""

    file: str
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """All OML files of a project."""

    loaded: tuple[Loaded, ...]
    broken: tuple[Broken, ...]


def compile_file(
    project: Project,
    path: Path,
    settings: Settings,
    connections: Connections,
    *,
    lock: SchemaLock | None = None,
) -> tuple[Compiled, str]:
    """Validate and compile one file; return the result and the text. OmlError, CompileError or ConfigError."""
    shown = project.relative(path)
    text = read_oml(path, shown)
    catalogue = load_catalogue()
    validation = validate(
        text,
        shown,
        catalogue,
        connections=connections.facts,
        mode=settings.mode,
        secrets=connections.secret_values,
    )
    if validation.pipeline is None or not validation.ok:
        raise OmlError(f"{shown} is not valid", diagnostics=validation.diagnostics)
    inputs = Inputs(
        pipeline=validation.pipeline,
        document=validation.document,
        catalogue=catalogue,
        connections=connections.facts,
        lock=read_lock(lock_path(path), project.relative(lock_path(path))) if lock is None else lock,
        profile=settings.profile,
        overrides=settings.params,
        env=settings.env,
    )
    compiled = compile_pipeline(inputs)
    return Compiled(compiled.manifest, (*validation.diagnostics, *compiled.diagnostics)), validation.document.text


def load_folder(project: Project, settings: Settings) -> Folder:
    """Compile every file of `pipelines/` and store what compiles; a broken file never stops the others."""
    files = sorted(path for path in project.pipelines.glob("**/*") if _is_oml(path))
    results = [_load(project, path, settings) for path in files]
    return _refuse_twins(
        [r for r in results if isinstance(r, Loaded)],
        [r for r in results if isinstance(r, Broken)],
        project,
    )


def _is_oml(path: Path) -> bool:
    # A link that leads nowhere counts: somebody means a pipeline to be there.
    return path.suffix in OML_SUFFIXES and (path.is_file() or (path.is_symlink() and not path.exists()))


def _load(project: Project, path: Path, settings: Settings) -> Loaded | Broken:
    shown = project.relative(path)
    try:
        compiled, text = compile_file(project, path, settings, connections_of(project, settings))
    except OsirisError as error:
        return Broken(shown, tuple(error.diagnostics))
    return Loaded(shown, compiled.manifest, text, compiled.diagnostics)


def _refuse_twins(loaded: list[Loaded], broken: list[Broken], project: Project) -> Folder:
    """Take out pipelines whose names meet once written as Dagster names: neither may win."""
    by_name: defaultdict[str, list[Loaded]] = defaultdict(list)
    for item in loaded:
        by_name[identifier(key_part(item.manifest.pipeline)).lower()].append(item)
    kept: list[Loaded] = []
    for twins in by_name.values():
        if len(twins) > 1:
            files = ", ".join(item.file for item in twins)
            broken += [Broken(item.file, (_twin(item, files),)) for item in twins]
            continue
        try:
            store(project.build, twins[0].manifest, twins[0].text)
            kept += twins
        except OsirisError as error:
            broken.append(Broken(twins[0].file, error.diagnostics))
    return Folder(tuple(sorted(kept, key=lambda i: i.file)), tuple(sorted(broken, key=lambda i: i.file)))


def _twin(item: Loaded, files: str) -> Diagnostic:
    return Diagnostic(
        "CMP060",
        f"several files name their pipeline {item.manifest.pipeline!r}, or too much alike for Dagster",
        place=Place(item.file),
        path="name",
        found=files,
        expected="one file for each pipeline name",
        fix="rename the pipeline in all files but one",
    )

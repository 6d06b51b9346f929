"""OML files of a project in, manifests or diagnostics out: what `validate` and `compile` mean for a file on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from osiris_dagster.canonical import fingerprint
from osiris_dagster.compiler.cache import compile_kept
from osiris_dagster.compiler.draft import Compiled, Inputs
from osiris_dagster.compiler.lock import SchemaLock, lock_path, read_lock
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.params import secret_params
from osiris_dagster.compiler.store import store
from osiris_dagster.connections.project import connections_of
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import CompileError, ConfigError, Diagnostic, OmlError, OsirisError
from osiris_dagster.oml.validate import validate
from osiris_dagster.oml_files import Named, neighbour_faults, oml_files
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings, read_oml
from osiris_dagster.specs.load import load_catalogue


@dataclass(frozen=True, slots=True)
class Loaded:
    """One OML file that compiles."""

    file: str
    manifest: Manifest
    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """One OML file that does not; the diagnostics say why, the exit code of which kind the fault is."""

    file: str
    diagnostics: tuple[Diagnostic, ...]
    exit_code: int = CompileError.exit_code

    @property
    def fingerprint(self) -> str:
        """What changes when the findings on the file change."""
        return fingerprint([d.as_dict() for d in self.diagnostics])


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
    if leaked := secret_params(inputs, connections.secret_values):
        raise CompileError(f"{shown} was given a secret", diagnostics=leaked)
    compiled = compile_kept(inputs, project.compiled)
    return Compiled(compiled.manifest, (*validation.diagnostics, *compiled.diagnostics)), validation.document.text


def load_folder(project: Project, settings: Settings) -> Folder:
    """Compile every file of `pipelines/` and store what compiles; a broken file never stops the others."""
    return load_files(project, settings, oml_files(project.pipelines), project.build)


def load_files(project: Project, settings: Settings, files: Iterable[Path], build: Path) -> Folder:
    """Do the same for these files, as the neighbours that they are, with manifests below `build`."""
    try:
        connections = connections_of(project, settings)
    except ConfigError as error:
        return Folder((), tuple(broken(project.relative(path), error) for path in files))
    results = [_load(project, path, settings, connections) for path in files]
    compiled = [item for item in results if isinstance(item, Loaded)]
    faults = neighbour_faults([Named(item.file, item.manifest.pipeline, item.text) for item in compiled])
    settled = [_stored(build, item, faults.get(item.file)) if isinstance(item, Loaded) else item for item in results]
    return Folder(
        tuple(sorted((item for item in settled if isinstance(item, Loaded)), key=lambda item: item.file)),
        tuple(sorted((item for item in settled if isinstance(item, Broken)), key=lambda item: item.file)),
    )


def broken(file: str, error: OsirisError) -> Broken:
    """Return what an error makes of a file."""
    return Broken(file, error.diagnostics, error.exit_code)


def _load(project: Project, path: Path, settings: Settings, connections: Connections) -> Loaded | Broken:
    shown = project.relative(path)
    try:
        compiled, text = compile_file(project, path, settings, connections)
    except OsirisError as error:
        return broken(shown, error)
    return Loaded(shown, compiled.manifest, text, compiled.diagnostics)


def _stored(build: Path, item: Loaded, fault: Diagnostic | None) -> Loaded | Broken:
    if fault is not None:
        return Broken(item.file, (fault,))
    try:
        store(build, item.manifest, item.text)
    except OsirisError as error:
        return broken(item.file, error)
    return item

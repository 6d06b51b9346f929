"""Turn OML files into manifests; with `online`, read the schemas of their sources first and lock them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osiris_dagster.codec import to_json
from osiris_dagster.compiler.store import manifest_folder
from osiris_dagster.connections.project import connections_of
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import Diagnostic, OsirisError
from osiris_dagster.loading import Broken, Folder, Loaded, broken, load_files
from osiris_dagster.oml.render import render
from osiris_dagster.oml_files import named_files
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.lock import lock_sources
from osiris_dagster.verbs.outcome import OK, Outcome


def compile_files(asked: Asked, *, files: tuple[str, ...], out: str = "", online: bool = False) -> Outcome:
    """Compile each file and store its manifest; the exit code is that of the first file that does not compile."""
    paths = named_files(asked.project, files)
    build = Path(out).resolve() if out else asked.project.build
    unlocked = _lock_all(asked, paths, connections_of(asked.project, asked.settings)) if online else {}
    folder = load_files(asked.project, asked.settings, [path for path in paths if path not in unlocked], build)
    found = Folder(folder.loaded, (*folder.broken, *unlocked.values()))
    if len(paths) == 1 and found.broken:
        return Outcome({}, "", found.broken[0].exit_code, found.broken[0].diagnostics)
    return _outcome(asked, found, build, brief=any(Path(name).is_dir() for name in files))


def _lock_all(asked: Asked, paths: list[Path], connections: Connections) -> dict[Path, Broken]:
    """Lock the sources of every file; return the files of which one could not be read."""
    failed = {}
    for path in paths:
        try:
            lock_sources(asked, path, connections)
        except OsirisError as error:
            failed[path] = broken(asked.project.relative(path), error)
    return failed


def _outcome(asked: Asked, folder: Folder, build: Path, *, brief: bool) -> Outcome:
    """Return all files in the order of their names; `brief` spares the lines of those that nothing is said about."""
    items: list[Loaded | Broken] = sorted([*folder.loaded, *folder.broken], key=lambda item: item.file)
    found: list[Diagnostic] = []
    lines: list[str] = []
    for item in items:
        found += item.diagnostics
        lines += [render(item.diagnostics)] if item.diagnostics else []
        if isinstance(item, Broken):
            lines.append(f"{item.file}: not compiled")
        elif item.diagnostics or not brief:
            where = asked.project.relative(_folder(build, item))
            lines.append(f"{item.file}: {len(item.manifest.steps)} steps -> {where}")
    if len(items) > 1:
        lines.append(f"{len(items)} files: {len(folder.loaded)} compiled, {len(folder.broken)} not")
    data = {
        "pipelines": [_told(asked, item, build) for item in items if isinstance(item, Loaded)],
        "broken": [item.file for item in items if isinstance(item, Broken)],
    }
    code = next((item.exit_code for item in items if isinstance(item, Broken)), OK)
    return Outcome(data, "\n".join(lines), code, tuple(found))


def _folder(build: Path, item: Loaded) -> Path:
    return manifest_folder(build, item.manifest.pipeline, item.manifest.hash)


def _told(asked: Asked, item: Loaded, build: Path) -> dict[str, Any]:
    manifest = item.manifest
    return {
        "pipeline": manifest.pipeline,
        "file": manifest.file,
        "manifest_hash": manifest.hash,
        "folder": asked.project.relative(_folder(build, item)),
        "steps": [
            {"id": step.id, "columns": None if step.columns is None else to_json(step.columns)}
            for step in manifest.steps
        ],
    }

"""Turn OML files into manifests; with `online`, read the schemas of their sources first and lock them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osiris_dagster.compiler.compile import Compiled
from osiris_dagster.compiler.store import store
from osiris_dagster.errors import Diagnostic
from osiris_dagster.loading import compile_file
from osiris_dagster.oml.render import render
from osiris_dagster.settings import connections_of
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.lock import lock_sources
from osiris_dagster.verbs.outcome import Outcome


def compile_files(asked: Asked, *, files: tuple[str, ...], out: str = "", online: bool = False) -> Outcome:
    """Compile each file and store its manifest; the first fault ends it with the exit code of its kind."""
    connections = connections_of(asked.project, asked.settings)
    build = Path(out).resolve() if out else asked.project.build
    done: list[dict[str, Any]] = []
    lines: list[str] = []
    found: list[Diagnostic] = []
    for name in files:
        path = Path(name).resolve()
        if online:
            lock_sources(asked, path, connections)
        compiled, text = compile_file(asked.project, path, asked.settings, connections)
        folder = store(build, compiled.manifest, text)
        done.append(_told(asked, compiled, folder))
        found += compiled.diagnostics
        if compiled.diagnostics:
            lines.append(render(compiled.diagnostics))
        lines.append(
            f"{compiled.manifest.file}: {len(compiled.manifest.steps)} steps -> {asked.project.relative(folder)}"
        )
    return Outcome({"pipelines": done}, "\n".join(lines), diagnostics=tuple(found))


def _told(asked: Asked, compiled: Compiled, folder: Path) -> dict[str, Any]:
    manifest = compiled.manifest
    return {
        "pipeline": manifest.pipeline,
        "file": manifest.file,
        "manifest_hash": manifest.hash,
        "folder": asked.project.relative(folder),
        "steps": [
            {"id": step.id, "columns": None if step.columns is None else [c.as_dict() for c in step.columns]}
            for step in manifest.steps
        ],
    }

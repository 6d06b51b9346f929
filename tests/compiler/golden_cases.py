"""The golden cases: an OML file with its lock and connections, and the manifest that must come out of it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from osiris_dagster.compiler.draft import Compiled
from osiris_dagster.compiler.lock import SchemaLock
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import as_yaml
from osiris_dagster.connections.project import connections_of
from osiris_dagster.loading import compile_file
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings

GOLDEN = Path(__file__).parent / "golden"
CASES = tuple(sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir()))


def compiled(case: str, lock: SchemaLock | None = None) -> Compiled:
    """Compile a case as a project of its own; `given.yaml` stands for the command line and the environment."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(GOLDEN / case, copy, dirs_exist_ok=True)  # a project that is compiled keeps results in itself
        return _compiled(Path(copy), lock)


def _compiled(folder: Path, lock: SchemaLock | None) -> Compiled:
    given: dict[str, Any] = {}
    if (folder / "given.yaml").is_file():
        given = yaml.safe_load((folder / "given.yaml").read_text(encoding="utf-8"))
    connections = folder / "connections.yaml"
    settings = Settings(
        profile=given.get("profile", ""),
        params=given.get("params", {}),
        env=given.get("env", {}),
        connections_file=str(connections) if connections.is_file() else "",
    )
    project = Project(folder)
    return compile_file(project, folder / "pipeline.yaml", settings, connections_of(project, settings), lock=lock)[0]


def golden_text(manifest: Manifest) -> str:
    """Return the manifest without the fingerprints that change with every release: compiler and specs."""
    return as_yaml(replace(manifest, fingerprints={**manifest.fingerprints, "compiler": "*", "specs": "*"}))

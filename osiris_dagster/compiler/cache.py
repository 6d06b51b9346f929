"""Keeps results of compilations in files, and uses one where every input and this code are equal.

The key is a digest of all that a manifest depends on, so a kept result cannot be out of date: whatever changes, the key
does. One result is kept for each OML file. What has something to say (a warning) is compiled again each time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import canonical_json, fingerprint, sha256, slug
from osiris_dagster.codec import stamped
from osiris_dagster.compiler.draft import Compiled, Inputs
from osiris_dagster.compiler.lock import VERSION
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.params import variable

_PACKAGE = Path(__file__).parent.parent
_LIBRARIES = ("duckdb", "sqlglot", "PyYAML", "jsonschema", "pyarrow")


def compile_kept(inputs: Inputs, folder: Path) -> Compiled:
    """Return what `compile_pipeline` returns; CompileError. `folder` holds the kept results and may be deleted."""
    key, path = cache_key(inputs), folder / f"{slug(inputs.pipeline.file)}.json"
    manifest = _kept(path, key)
    if manifest is not None:
        return Compiled(manifest)
    from osiris_dagster.compiler.compile import compile_pipeline  # noqa: PLC0415 - loads DuckDB, Arrow and numpy

    compiled = compile_pipeline(inputs)
    if not compiled.diagnostics:
        _keep(path, key, compiled.manifest)
    return compiled


def cache_key(inputs: Inputs) -> str:
    """Return a digest of everything that the manifest of these inputs depends on, the code of the compiler included."""
    pipeline = inputs.pipeline
    components = sorted({step.component for step in pipeline.steps})
    variables = {variable(name) for name in pipeline.params}
    return fingerprint(
        {
            "code": code_digest(),
            "file": pipeline.file,
            "text": sha256(inputs.document.text),
            "specs": {name: inputs.catalogue.fingerprint(name) for name in components},
            "connections": [
                [f.reference, f.identity, f.default, list(f.fields), list(f.paths)] for f in inputs.connections
            ],
            "lock": stamped(inputs.lock, VERSION),
            "profile": inputs.profile,
            "overrides": dict(inputs.overrides),
            "variables": {name: inputs.env[name] for name in sorted(variables) if name in inputs.env},
        }
    )


@cache
def code_digest() -> str:
    """Return a digest of the code that compiles: this package, the libraries it asks, and the Python that runs it."""
    files = {path.relative_to(_PACKAGE).as_posix(): sha256(path.read_bytes()) for path in _code()}
    libraries = {name: version(name) for name in _LIBRARIES}
    return fingerprint({"files": files, "libraries": libraries, "python": list(sys.version_info[:3])})


def _code() -> Iterator[Path]:
    yield from _PACKAGE.glob("*.py")
    for folder in ("compiler", "oml", "specs", "sql"):
        yield from (_PACKAGE / folder).rglob("*.py")


def _kept(path: Path, key: str) -> Manifest | None:
    """Return the kept manifest of that key; None without one, or when the file is not as it was written."""
    try:
        value: Any = json.loads(path.read_bytes())
        if value["key"] != key or sha256(canonical_json(value["manifest"])) != value["hash"]:
            return None
        return Manifest.from_json(value["manifest"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(path: Path, key: str, manifest: Manifest) -> None:
    value = manifest.to_json()
    try:
        write_bytes(
            path, canonical_json({"key": key, "hash": sha256(canonical_json(value)), "manifest": value}), durable=False
        )
    except OSError:
        return  # a project that cannot be written is compiled each time

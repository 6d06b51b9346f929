"""What is wrong with a package on disk: bytes against digests, annex and core against the gates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.files.folder import CORE, DIGESTS, VERDICT, file_sha256
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.gates.judge import judge
from osiris_dagster.aiop.model.shards import FOLDER


def verify(folder: Path) -> list[Finding]:
    """Return every way in which a package differs from what was sealed; never raises for a damaged one."""
    try:
        sealed = json.loads((folder / DIGESTS).read_bytes())
        verdict = json.loads((folder / VERDICT).read_bytes())
        files = {str(name): dict(known) for name, known in sealed["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [Finding(f"digests and verdict cannot be read: {type(error).__name__}", DIGESTS)]
    annex = folder / str(sealed.get("annex_dir", ""))
    found = [finding for name, known in sorted(files.items()) for finding in _file(folder, annex, name, known)]
    found += [Finding("a file that was not sealed", name) for name in sorted(_there(folder) - files.keys() - {DIGESTS})]
    if not (folder / CORE).is_file():
        return found or [Finding("the package was withheld", VERDICT)]
    return found + list(_judged(folder, annex, sealed, verdict))


def _file(folder: Path, annex: Path, name: str, known: dict[str, Any]) -> Iterator[Finding]:
    path = (annex if name.startswith(f"{FOLDER}/") else folder) / name
    try:
        size, digest = path.stat().st_size, file_sha256(path)
    except OSError:
        yield Finding("the file is missing or cannot be read", name)
        return
    if (size, digest) != (known.get("bytes"), known.get("sha256")):
        yield Finding("the file is not the one that was sealed", name)


def _there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _judged(folder: Path, annex: Path, sealed: dict[str, Any], verdict: dict[str, Any]) -> Iterator[Finding]:
    again = judge((folder / CORE).read_bytes(), annex)
    yield from (Finding(f"gate {gate}: {item.message}", item.where) for gate, f in again.findings.items() for item in f)
    if again.core_sha256 != verdict.get("core_sha256"):
        yield Finding("the verdict is about another document", VERDICT)
    if again.graph_sha256 != sealed.get("graph_sha256"):
        yield Finding("the graph is not the one that was sealed", CORE)

"""The folder of one package: names of its files, what they must be, and how they get there as a whole."""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.shards import Shard
from osiris_dagster.atomic import replacing, synced
from osiris_dagster.canonical import readable_json, sha256

CORE, CARD, VERDICT, DIGESTS = "core.jsonld", "run-card.md", "verdict.json", "digests.json"
_BLOCK = 1 << 20


def digests(content: Mapping[str, bytes], folder: Path, shards: Sequence[Shard], root: str, graph: str) -> bytes:
    """Return size and SHA-256 of every file as it lies on the disk, and the digests of graph and annex."""
    files: dict[str, Any] = {name: {"bytes": len(data), "sha256": sha256(data)} for name, data in content.items()}
    for shard in shards:
        path = folder / shard.file
        files[shard.file] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    return readable_json({"files": files, "graph_sha256": graph, "annex_root": root}).encode()


def file_sha256(path: Path) -> str:
    """Return the digest of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def differs(target: Path, files: Mapping[str, bytes], folder: Path) -> bool:
    """Tell whether a place holds anything else than these files and the annex in `folder`."""
    if not target.is_dir():
        return True
    there, annex = _files(target), _files(folder)
    if there.keys() != files.keys() | annex.keys():
        return True
    return any(there[name].read_bytes() != data for name, data in files.items()) or any(
        not filecmp.cmp(there[name], path, shallow=False) for name, path in annex.items()
    )


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def put(target: Path, files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files beside the annex in `folder` and rename it; a folder that was there is moved away first."""
    old = folder.with_suffix(".old")
    try:
        for path in _files(folder).values():
            path.chmod(0o644)
            synced(path)
        for name, data in files.items():
            with replacing(folder / name) as path:
                path.write_bytes(data)
        folder.chmod(0o755)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.rename(old)
        folder.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)

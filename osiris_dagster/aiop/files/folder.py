"""The folder of one package: names of its files, what they must be, and how they get there as a whole."""

from __future__ import annotations

import filecmp
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.model.shards import FOLDER, Shard, annex_root
from osiris_dagster.atomic import replacing, synced
from osiris_dagster.canonical import readable_json, sha256

CORE, CARD, VERDICT, DIGESTS = "core.jsonld", "run-card.md", "verdict.json", "digests.json"
_BLOCK = 1 << 20


def digests(content: Mapping[str, bytes], folder: Path, shards: Sequence[Shard], graph: str, annex_dir: str) -> bytes:
    """Return size and SHA-256 of every file as it lies on the disk, and the digests of graph and annex.

    `annex_dir` is where the annex will lie, relative to the package; empty when it lies in it.
    """
    files: dict[str, Any] = {name: {"bytes": len(data), "sha256": sha256(data)} for name, data in content.items()}
    for shard in shards:
        path = folder / shard.file
        files[shard.file] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    elsewhere = {"annex_dir": annex_dir} if annex_dir else {}
    sealed = {"files": files, "graph_sha256": graph, "annex_root": annex_root(shards), **elsewhere}
    return readable_json(sealed).encode()


def file_sha256(path: Path) -> str:
    """Return the digest of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def differs(target: Path, files: Mapping[str, bytes], folder: Path, annex: Path) -> bool:
    """Tell whether a place holds anything else than these files and, at `annex`, the annex in `folder`."""
    there, fresh, kept = _files(target), _files(folder / FOLDER), _files(annex)
    if annex.is_relative_to(target):
        there = {name: path for name, path in there.items() if not path.is_relative_to(annex)}
    if there.keys() != files.keys() or fresh.keys() != kept.keys():
        return True
    return any(there[name].read_bytes() != data for name, data in files.items()) or any(
        not filecmp.cmp(kept[name], path, shallow=False) for name, path in fresh.items()
    )


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def put(target: Path, files: Mapping[str, bytes], folder: Path, annex: Path) -> None:
    """Write the files beside the annex in `folder` and rename it; an annex that belongs elsewhere goes there first."""
    for path in _files(folder).values():
        path.chmod(0o644)
        synced(path)
    for name, data in files.items():
        with replacing(folder / name) as path:
            path.write_bytes(data)
    if not annex.is_relative_to(target) and (folder / FOLDER).exists():
        _rename(_moved_near(folder / FOLDER, annex), annex)
    _rename(folder, target)


def _moved_near(source: Path, target: Path) -> Path:
    """Bring a folder onto the disk of its place: only there can it be renamed in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    near = Path(tempfile.mkdtemp(prefix=".", suffix=".new", dir=target.parent))
    shutil.copytree(source, near, dirs_exist_ok=True)
    shutil.rmtree(source)
    return near


def _rename(folder: Path, target: Path) -> None:
    """Put a folder into its place; one that was there is moved away first, and comes back when that fails."""
    old = folder.with_suffix(".old")
    try:
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

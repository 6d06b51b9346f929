"""One file of an annex, as the core document names it, and the root under which all of them are sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

FOLDER = "annex"


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard by name; records, bytes and SHA-256 are those of its JSON lines before compression."""

    name: str
    records: int
    size_bytes: int
    sha256: str
    file: str  # relative to the package: annex/timeline.ndjson.gz


def annex_root(shards: Sequence[Shard]) -> str:
    """Return the Merkle root over path and digest of every shard, as RFC 6962 builds it; empty without shards.

    One shard can be proved with the digests along its path, without the others.
    """
    leaves = [
        hashlib.sha256(b"\x00" + f"{shard.name}\n{shard.sha256}".encode()).digest()
        for shard in sorted(shards, key=lambda shard: shard.name)
    ]
    return _tree(leaves).hex() if leaves else ""


def _tree(nodes: list[bytes]) -> bytes:
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1  # the largest power of two below
    return hashlib.sha256(b"\x01" + _tree(nodes[:half]) + _tree(nodes[half:])).digest()

"""How a package is to be made: its size, what goes into the core, what into the annex. Data only; each value says
where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MAX_CORE_BYTES = 300_000
"""What a core document may have, in its canonical form."""
MIN_CORE_BYTES = 50_000
"""Less than this the context and the bare facts of a run do not fit into."""

Policy = Literal["core", "full", "custom"]
Density = Literal["low", "medium", "high"]
SchemaMode = Literal["summary", "detailed"]
Compression = Literal["none", "gzip", "zstd"]
SHARDS = ("timeline", "metrics", "errors", "logs", "discovery")
"""Names of the annex's shards, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an export; `sources` tells for each one that was set who set it: cli, env or file."""

    enabled: bool = True  # build packages after runs without being asked
    policy: Policy = "full"  # core: no annex; full: every shard; custom: the shards that `shards` names
    shards: tuple[str, ...] = SHARDS
    max_core_bytes: int = MAX_CORE_BYTES
    timeline_density: Density = "medium"
    metrics_topk: int = 100  # steps whose metrics the core shows
    schema_mode: SchemaMode = "detailed"
    compress: Compression = "none"
    annex_dir: str = ""  # folder for annexes instead of the package's own; project-relative
    keep_runs: int = 0  # packages of one pipeline that are kept; 0: all
    keep_days: int = 0
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def annex(self) -> tuple[str, ...]:
        """Names of the shards to write."""
        return {"core": (), "full": SHARDS, "custom": self.shards}[self.policy]

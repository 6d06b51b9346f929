"""What stands around a run, as plain data: who wrote what it reads, and who reads what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UpstreamState = Literal["written", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A table or file that the run reads, as it was when the run began.

    `written`: `writer` committed to it at `written_ms`; `failed`: an attempt after that, at `failed_ms`, did not end
    well; `unknown`: nobody in this project was seen writing it.
    """

    dataset: tuple[str, ...]
    state: UpstreamState
    pipeline: str = ""
    step: str = ""
    run_id: str = ""
    written_ms: int | None = None
    failed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Downstream:
    """A pipeline that needs what the run writes, directly (`distance` 1) or through others."""

    pipeline: str
    file: str
    owners: tuple[str, ...]
    distance: int
    through: tuple[str, ...]  # names of the datasets it reads

"""The parsed pipeline: frozen, typed, free of YAML. Knows OML 0.1.0 and 0.2.0; no logic.

Positions are not kept here: `Document.marks` has them for every path of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from osiris_dagster.codec import SPARSE, json_key
from osiris_dagster.columns import Columns
from osiris_dagster.errors import Diagnostic, Place

Mode = Literal["read", "write", "transform"]
VERSIONS = ("0.1.0", "0.2.0")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pipeline starts by itself: a cron string with its time zone, or `on_update` of what it reads."""

    cron: str = ""
    timezone: str = "UTC"
    on_update: bool = False


@dataclass(frozen=True, slots=True)
class Partitions:
    """How a pipeline's data is cut: a calendar unit from `start` on, or a static list of keys."""

    type: Literal["hourly", "daily", "weekly", "monthly", "static"]
    start: str = ""
    end: str = ""
    timezone: str = "UTC"
    column: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the data may be: a duration such as `26h`."""

    max_lag: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Where and how steps run; the defaults stream everything through one local process."""

    isolation: Literal["pipeline", "step"] = field(default="pipeline", metadata=SPARSE)
    target: Literal["local", "e2b"] = field(default="local", metadata=json_key("engine"))
    checkpoint: Literal["auto", "always", "never"] = field(default="auto", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry of one step: attempts after the first, first delay in seconds, error classes worth a retry."""

    attempts: int = 0
    delay: float = 30
    on: tuple[str, ...] = ("transient",)


@dataclass(frozen=True, slots=True)
class Incremental:
    """Read only what is new: the cursor column, where to begin, how far to look back (a duration such as `1h`)."""

    cursor: str
    initial: str | int | float = ""
    lookback: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One data check of a step; `options` holds what the type needs (column, values, min, query, ...)."""

    type: str
    name: str
    severity: Literal["error", "warn"] = "error"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `needs` is final: what the text says, or the previous step where it says nothing."""

    index: int
    id: str
    component: str
    mode: Mode
    needs: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    retry: Retry | None = None
    timeout: float | None = None  # seconds of the step's own busy time
    checks: tuple[Check, ...] = ()
    columns: Columns = ()
    incremental: Incremental | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One OML document with its `${params.x}` still in place."""

    file: str  # project-relative
    oml_version: str
    name: str
    steps: tuple[Step, ...]
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)  # name -> default
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # profile -> name -> value
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    schedule: Schedule | None = None
    partitions: Partitions | None = None
    freshness: Freshness | None = None
    concurrency: str = ""  # pool name
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What the connections file says about one alias without any secret: enough to compile."""

    family: str
    alias: str
    identity: str = ""  # two aliases with one identity are one place
    default: bool = False
    description: str = ""
    purpose: str = ""
    sla: str = ""
    fields: tuple[str, ...] = ()  # names of the fields it sets
    paths: tuple[tuple[str, str], ...] = ()  # those of them that are project paths, where the file says which
    place: Place | None = None  # in the connections file; None for one that only variables define
    faults: tuple[Diagnostic, ...] = ()  # what its fields have against the component specs

    @property
    def reference(self) -> str:
        """The form OML uses."""
        return f"@{self.family}.{self.alias}"

"""What the sections of a package look at: trimmed facts, the names of things in them, and totals of the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.aiop.facts.trim import EVERYTHING, Dropped, Limits, Trimmed, trim
from osiris_dagster.aiop.model.ids import Names, names_of
from osiris_dagster.aiop.model.shards import Shard
from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.report import StepRecord

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers about the whole run, also where the package shows a part of it; None where nothing was measured."""

    steps: int  # planned
    statuses: Mapping[str, int]  # of the selected steps
    rows_read: int | None  # handed on by extractors
    rows_written: int | None  # committed by writers
    bytes_written: int | None
    peak_memory_bytes: int | None
    attempts: int
    artifacts: int
    artifact_bytes: int

    @property
    def selected(self) -> int:
        """Steps that the run was asked to execute."""
        return sum(self.statuses.values())


@dataclass(frozen=True, slots=True)
class SourceText:
    """Digest of the whole OML text; `matches_run` is None when the manifest has none to compare it with."""

    sha256: str
    matches_run: bool | None


@dataclass(frozen=True, slots=True)
class Scope:
    """One attempt at a package; `fingerprints` are of the uncut errors, by step id, with "" for the run."""

    facts: Facts
    whole: Facts  # normalized, before anything was cut
    limits: Limits
    dropped: tuple[Dropped, ...]
    names: Names
    totals: Totals
    oml: SourceText
    fingerprints: Mapping[str, str]
    plans: Mapping[str, StepPlan]  # by step id, in manifest order
    records: Mapping[str, StepRecord]  # by step id, in manifest order
    event_ids: Sequence[str]  # of the events of `facts`, as in the whole timeline
    shards: tuple[Shard, ...] = ()
    made: dict[str, Any] = field(default_factory=dict)  # sections that others look at too; see `once`


def once(section: Callable[[Scope], T]) -> Callable[[Scope], T]:
    """Let a section be made once for each scope, however many others look at it."""

    @wraps(section)
    def made(scope: Scope) -> T:
        if section.__name__ not in scope.made:
            scope.made[section.__name__] = section(scope)
        return scope.made[section.__name__]  # type: ignore[no-any-return]  # what `section` gave

    return made


UNKNOWN = ErrorInfo("UnknownFailure", "no error was recorded")


def scope_of(whole: Facts, limits: Limits, shards: tuple[Shard, ...] = ()) -> Scope:
    """Return what the sections look at when normalized facts are cut to these limits."""
    uncut = Trimmed(whole, (), tuple(range(len(whole.record.events))))
    trimmed = uncut if limits is EVERYTHING else trim(whole, limits)
    facts, record = trimmed.facts, whole.record
    errors = {cut(step.step_id, limits.text): step.error for step in record.steps} | {"": record.error}
    steps = [step.id for step in whole.manifest.steps]
    names = names_of(whole.manifest.pipeline, steps, record.run_id, record.manifest_hash, record.start_ms)
    event_ids = names.events(record.events, trimmed.events)
    names = replace(names, slugs={cut(step_id, limits.text): slug for step_id, slug in names.slugs.items()})
    return Scope(
        facts=facts,
        whole=whole,
        limits=limits,
        dropped=trimmed.dropped,
        names=names,
        totals=totals_of(whole),
        oml=source_text_of(whole),
        fingerprints={step_id: (error or UNKNOWN).fingerprint for step_id, error in errors.items()},
        plans={step.id: step for step in facts.manifest.steps},
        records={step.step_id: step for step in facts.record.steps},
        event_ids=event_ids,
        shards=shards,
    )


def totals_of(facts: Facts) -> Totals:
    """Add up a normalized record."""
    roles = {step.id: step.role for step in facts.manifest.steps}
    steps = facts.record.steps
    wrote = [step for step in steps if roles[step.step_id] == "writer" and step.status == "completed"]
    artifacts = [artifact for step in steps for artifact in step.artifacts]
    return Totals(
        steps=len(facts.manifest.steps),
        statuses=Counter(step.status for step in steps),
        rows_read=_sum(step.rows_out for step in steps if roles[step.step_id] == "extractor"),
        rows_written=_sum(step.rows_out for step in wrote),
        bytes_written=_sum(step.bytes_out for step in wrote),
        peak_memory_bytes=max((s.peak_memory_bytes for s in steps if s.peak_memory_bytes is not None), default=None),
        attempts=sum(step.attempts for step in steps if step.start_ms is not None),
        artifacts=len(artifacts),
        artifact_bytes=sum(artifact.size_bytes for artifact in artifacts),
    )


def source_text_of(facts: Facts) -> SourceText:
    """Compare the OML text, as it was before anything was masked in it, with the digest that the compiler kept."""
    digest = facts.oml_sha256 or sha256(facts.oml)
    kept = facts.manifest.fingerprints.get("oml", "")
    return SourceText(digest, kept.removeprefix("sha256:") == digest if kept else None)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def timestamp(ms: int | None) -> str:
    """Return Unix milliseconds as ISO 8601 in UTC; empty for None.

    >>> timestamp(1_700_000_000_007), timestamp(None)
    ('2023-11-14T22:13:20.007Z', '')
    """
    if ms is None:
        return ""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

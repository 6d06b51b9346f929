"""Facts cut to a size, before anything is built from them: so every reference stays whole and every loss is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.map_texts import map_texts
from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.facts.options import Density, Options
from osiris_dagster.aiop.facts.text import cut
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.runs.record import EventRecord, RunRecord
from osiris_dagster.steps.report import CheckRecord, StepRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each kind a package may hold; counts, but for `text` and `oml`: characters."""

    events: int
    steps: int
    columns: int  # of one step
    text: int  # of any string
    oml: int
    items: int  # of owners, tags, notes, artifacts, configuration fields, ...
    causes: int = 8
    frames: int = 20


LOG_TAIL = 40
"""Log lines before a failure that a timeline of medium density shows."""
EVERYTHING = Limits(*[10**9] * 8)
LADDER = (
    Limits(events=1000, steps=300, columns=500, text=4000, oml=60_000, items=100),
    Limits(events=400, steps=200, columns=200, text=4000, oml=60_000, items=60),
    Limits(events=200, steps=100, columns=100, text=2000, oml=30_000, items=40),
    Limits(events=100, steps=60, columns=50, text=1000, oml=20_000, items=30),
    Limits(events=60, steps=40, columns=20, text=600, oml=10_000, items=20, frames=10),
    Limits(events=40, steps=20, columns=10, text=400, oml=4_000, items=10, causes=4, frames=5),
    Limits(events=20, steps=10, columns=5, text=200, oml=2_000, items=4, causes=3, frames=3),
    Limits(events=10, steps=6, columns=2, text=80, oml=1_000, items=3, causes=2, frames=2),
    Limits(events=6, steps=2, columns=0, text=80, oml=400, items=2, causes=2, frames=1),
)
"""From generous to bare; the last holds the run, its totals and its first failing steps, and always fits."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one kind of content lost."""

    section: str
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Facts within limits, what was left out, and which events of the whole timeline (from 0) were kept."""

    facts: Facts
    dropped: tuple[Dropped, ...]
    events: tuple[int, ...]


def trim(facts: Facts, limits: Limits) -> Trimmed:
    """Return normalized facts within the limits: the middle goes first, failures last."""
    trimmer = _Trimmer(limits, facts.options)
    manifest = trimmer.manifest(facts.manifest, facts.record)
    record, events = trimmer.record(facts.record, {step.id for step in manifest.steps})
    neighbours = trimmer.neighbours(replace(facts, record=record, manifest=manifest))
    return Trimmed(trimmer.strings(neighbours), trimmer.dropped(), events)


class _Trimmer:
    """Cuts by the limits and counts what it cuts."""

    def __init__(self, limits: Limits, options: Options) -> None:
        self._limits = limits if options.schema_mode == "detailed" else replace(limits, columns=0)
        self._options = options
        self._tally: dict[str, tuple[int, int]] = {}

    def dropped(self) -> tuple[Dropped, ...]:
        return tuple(Dropped(name, kept, lost) for name, (kept, lost) in sorted(self._tally.items()) if lost)

    def strings(self, facts: Facts) -> Facts:
        limit, shortened = self._limits.text, 0

        def short(text: str) -> str:
            nonlocal shortened
            shortened += len(text) > limit
            return cut(text, limit)

        result = map_texts(replace(facts, oml=""), short)
        self._count("ends of long texts", 0, shortened)
        self._count("characters of the OML text", min(len(facts.oml), self._limits.oml), len(facts.oml))
        return replace(result, oml=cut(facts.oml, self._limits.oml))

    def manifest(self, manifest: Manifest, record: RunRecord) -> Manifest:
        first = first_failure(record)
        ranks = {step.step_id: 1 for step in record.steps if step.error is not None or step.status == "failed"}
        if first:
            ranks[first.step_id] = 2
        steps = _ends(manifest.steps, self._limits.steps, [ranks.get(step.id, 0) for step in manifest.steps])
        self._count("steps", len(steps), len(manifest.steps))
        kept = {step.id for step in steps}
        return replace(
            manifest,
            steps=tuple(self._plan(step, kept) for step in steps),
            owners=self._first("owners", manifest.owners),
            tags=self._some("tags", manifest.tags),
            params=self._some("parameters", manifest.params),
            fingerprints=self._some("fingerprints", manifest.fingerprints),
        )

    def record(self, record: RunRecord, kept: set[str]) -> tuple[RunRecord, tuple[int, ...]]:
        shown = _shown(record, self._options.timeline_density)
        named = {"", *kept}
        named_events = [index for index in shown if record.events[index].step_id in named]
        events = _ends(named_events, self._limits.events, [_rank(record.events[index]) for index in named_events])
        self._count("events", len(events), len(record.events))
        measured = _measured(record, self._options.metrics_topk)
        self._count("steps with metrics", len(measured & kept), len(kept & {step.step_id for step in record.steps}))
        trimmed = replace(
            record,
            steps=tuple(self._step(step, measured) for step in record.steps if step.step_id in kept),
            events=tuple(record.events[index] for index in events),
            error=self._error(record.error),
            siblings=self._first("siblings", record.siblings),
            versions=self._some("versions", record.versions),
        )
        return trimmed, tuple(events)

    def neighbours(self, facts: Facts) -> Facts:
        return replace(
            facts,
            upstream=self._first("upstream states", facts.upstream),
            downstream=tuple(
                replace(item, owners=self._first("owners", item.owners), through=self._first("datasets", item.through))
                for item in self._first("downstream pipelines", facts.downstream)
            ),
        )

    def _plan(self, step: StepPlan, kept: set[str]) -> StepPlan:
        inputs = [replace(i, names=self._first("table names", i.names)) for i in step.inputs if i.step in kept]
        return replace(
            step,
            columns=None if step.columns is None else self._columns(step.columns),
            needs=tuple(need for need in step.needs if need in kept),
            inputs=tuple(inputs),
            config=self._some("config fields", step.config),
            reads=self._first("datasets", step.reads),
            writes=self._first("datasets", step.writes),
        )

    def _step(self, step: StepRecord, measured: set[str]) -> StepRecord:
        if step.step_id not in measured:
            step = replace(step, rows_in=None, rows_out=None, bytes_out=None, busy_ms=None, peak_memory_bytes=None)
        return replace(
            step,
            columns=self._columns(step.columns),
            artifacts=self._first("artifacts", step.artifacts),
            writes=self._first("datasets", step.writes),
            notes=self._first("notes", step.notes),
            checks=self._checks(step.checks),
            error=self._error(step.error),
        )

    def _columns(self, columns: Columns) -> Columns:
        self._count("columns", min(len(columns), self._limits.columns), len(columns))
        return columns[: self._limits.columns]

    def _checks(self, checks: tuple[CheckRecord, ...]) -> tuple[CheckRecord, ...]:
        """Keep those that failed before those that passed, in their order."""
        failed = {check.name for check in self._first("checks", sorted(checks, key=lambda check: check.passed))}
        return tuple(check for check in checks if check.name in failed)

    def _error(self, error: ErrorInfo | None) -> ErrorInfo | None:
        """Keep the outer end of a long chain and its root; of the frames the innermost."""
        if error is None:
            return None
        chain, most = error.chain, self._limits.causes
        kept = chain if len(chain) <= most else (*chain[: most - 1], chain[-1])
        self._count("causes", len(kept), len(chain))
        result: ErrorInfo | None = None
        for link in reversed(kept):
            frames = link.frames[-self._limits.frames :]
            self._count("frames", len(frames), len(link.frames))
            result = replace(link, frames=frames, cause=result)
        return result

    def _first(self, section: str, items: Sequence[T]) -> tuple[T, ...]:
        self._count(section, min(len(items), self._limits.items), len(items))
        return tuple(items[: self._limits.items])

    def _some(self, section: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._first(section, sorted(values.items())))

    def _count(self, section: str, kept: int, total: int) -> None:
        before = self._tally.get(section, (0, 0))
        self._tally[section] = (before[0] + kept, before[1] + total - kept)


def _shown(record: RunRecord, density: Density) -> list[int]:
    """Return which events a timeline shows: low only ends and errors, medium the last log lines before the failure."""
    events = enumerate(record.events)
    if density == "high":
        return [index for index, _ in events]
    if density == "low":
        return [i for i, e in events if e.type in ("run_start", "run_end", "step_failed") or e.level == "error"]
    first = first_failure(record)
    until = first.end_ms if first and first.end_ms is not None else record.end_ms
    logs = [index for index, event in enumerate(record.events) if event.type == "log"]
    tail = [i for i in logs if record.events[i].ts_ms <= until][-LOG_TAIL:] if record.status != "completed" else []
    loud = [index for index in logs if record.events[index].level in ("warning", "error")]
    kept = {*tail, *loud}
    return [index for index, event in events if event.type != "log" or index in kept]


def _measured(record: RunRecord, most: int) -> set[str]:
    """Return the steps whose metrics are shown: those that failed, then those that took longest."""

    def weight(step: StepRecord) -> tuple[bool, int, str]:
        took = (step.end_ms or 0) - (step.start_ms or 0) if step.start_ms is not None else -1
        return step.status != "failed", -took, step.step_id

    return {step.step_id for step in sorted(record.steps, key=weight)[:most]}


def _rank(event: EventRecord) -> int:
    if event.type in ("run_start", "run_end"):
        return 2
    return int(event.type == "step_failed" or event.level == "error")


def _ends(items: Sequence[T], limit: int, ranks: Sequence[int]) -> list[T]:
    """Keep rank 2 always, rank 1 up to half of what is left, and fill up from both ends of the rest."""
    if len(items) <= limit:
        return list(items)
    by_rank = [[index for index, rank in enumerate(ranks) if rank == wanted] for wanted in (0, 1, 2)]
    chosen = by_rank[2][:limit]
    chosen += _both_ends(by_rank[1], (limit - len(chosen)) // 2)
    chosen += _both_ends(by_rank[0], limit - len(chosen))
    return [items[index] for index in sorted(chosen)]


def _both_ends(items: list[int], count: int) -> list[int]:
    if len(items) <= count:
        return items
    return items[: count - count // 2] + items[len(items) - count // 2 :]

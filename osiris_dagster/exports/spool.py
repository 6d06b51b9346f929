"""The log of a run in; for each of its pipelines a file of clean lines, and the few lines that a timeline shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from osiris_dagster.aiop.facts.text import clean, cut
from osiris_dagster.assets.keys import op_of_pipeline
from osiris_dagster.canonical import canonical_json
from osiris_dagster.runs.logs import LogLine
from osiris_dagster.runs.record import EventRecord

LONGEST = 16_000  # characters of a line
_HEAD, _TAIL, _LOUD = 200, 200, 200


@dataclass
class _Picked:
    """The lines that a timeline may show: the first, the last before `until_ms`, and the loud ones."""

    until_ms: int
    head: list[tuple[int, EventRecord]] = field(default_factory=list)
    tail: deque[tuple[int, EventRecord]] = field(default_factory=lambda: deque(maxlen=_TAIL))
    loud: list[tuple[int, EventRecord]] = field(default_factory=list)

    def see(self, number: int, event: EventRecord) -> None:
        if len(self.head) < _HEAD:
            self.head.append((number, event))
        elif event.level in ("warning", "error") and len(self.loud) < _LOUD:
            self.loud.append((number, event))
        if event.ts_ms <= self.until_ms:
            self.tail.append((number, event))

    def events(self) -> tuple[EventRecord, ...]:
        return tuple(event for _, event in sorted({**dict(self.head), **dict(self.loud), **dict(self.tail)}.items()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose lines go where: the op of a pipeline, its file, the moment of its failure or end, and what cleans lines."""

    op: str
    path: Path
    until_ms: int
    redact: Callable[[str], str]


def spool_logs(lines: Iterable[LogLine], wanted: Mapping[str, Wanted]) -> dict[str, tuple[EventRecord, ...]]:
    """Write the lines of each pipeline, and of the run as a whole, to its file; return its events for the timeline.

    Dagster's own lines go to the files alone: the timeline has the same from the record, step by step.
    """
    ops = {item.op for item in wanted.values()}
    written = dict.fromkeys(wanted, 0)
    picked = {name: _Picked(item.until_ms) for name, item in wanted.items()}
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {name: stack.enter_context(item.path.open("wb")) for name, item in wanted.items()}
        for number, line in enumerate(lines):
            told = {"ts_ms": line.ts_ms, "level": line.level, "op": line.op, "event": line.event}
            for name, item in wanted.items():
                if (of := op_of_pipeline(line.op)) == item.op or of not in ops:
                    message = told["message"] = _shown(line.message, item.redact)
                    written[name] += 1
                    files[name].write(canonical_json({"seq": written[name], **told}) + b"\n")
                    if not line.event:
                        picked[name].see(number, EventRecord(line.ts_ms, "log", "", message, line.level))
    return {name: item.events() for name, item in picked.items()}


def _shown(message: str, redact: Callable[[str], str]) -> str:
    known = redact(message)
    shown = clean(known)
    return cut(shown if shown == known else redact(shown), LONGEST)

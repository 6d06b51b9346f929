"""Which steps of a manifest run: the chosen ones, and whose rows they read without being chosen.

Rows of a step that was not chosen are read where a run before has kept them; else the step runs once more, silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from osiris_dagster.compiler.manifest import Manifest, Role, StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.steps.store import Stored

_INPUTS: Mapping[Role, tuple[int, float]] = {"extractor": (0, 0), "processor": (0, float("inf")), "writer": (1, 1)}


@dataclass(frozen=True, slots=True)
class Selection:
    """Steps to run, in manifest order; each executes, but only the recorded ones are reported."""

    steps: tuple[StepPlan, ...]
    recorded: frozenset[str]
    speakers: Mapping[str, str] = field(default_factory=dict)  # unrecorded step -> recorded one that speaks for it
    stored: Mapping[str, Stored] = field(default_factory=dict)  # step that does not run -> its rows

    def upstream_notes(self, ran: frozenset[str]) -> dict[str, list[str]]:
        """Return recorded step -> what to say about rows it reads of steps that are not in the run."""
        silent: dict[str, list[str]] = {}
        kept: dict[str, list[str]] = {}
        for step in self.steps:
            speaker = self.speakers.get(step.id, step.id)
            if step.id in self.speakers:
                silent.setdefault(speaker, []).append(repr(step.id))
            for name in dict.fromkeys(item.step for item in step.sources if item.step in self.stored):
                if name not in ran:
                    kept.setdefault(speaker, []).append(_borrowed(name, self.stored[name]))
        for speaker, names in silent.items():
            said = f"executed {', '.join(names)} again for their rows, without recording: not selected"
            kept.setdefault(speaker, []).append(said)
        return kept


def _borrowed(name: str, stored: Stored) -> str:
    moment = datetime.fromtimestamp(stored.at_ms / 1000, UTC).isoformat(timespec="seconds")
    return f"read the rows of {name!r} that run {stored.run_id} kept at {moment}: not selected"


Find = Callable[[str], Stored | None]


def select(manifest: Manifest, wanted: frozenset[str], find: Find = lambda _: None) -> Selection:
    """Close the wanted steps under the rows they read; a need for order alone never pulls a step in.

    What `find` finds is read and neither executed nor closed under what it reads.

    Raises RunError for an unknown step, for one whose inputs do not fit its role, and when an unselected upstream
    has effects outside the pipeline, so that it must not be repeated.
    """
    by_id = {step.id: step for step in manifest.steps}
    if unknown := sorted(wanted - by_id.keys()):
        raise _unfit(f"pipeline {manifest.pipeline!r} has no step {unknown[0]!r}")
    _check_order(manifest)
    speakers: dict[str, str] = {}
    stored: dict[str, Stored] = {}
    for step in reversed(manifest.steps):
        if step.id in wanted or step.id in speakers:
            for upstream in _upstreams(step, by_id):
                if upstream.id in wanted or upstream.id in stored:
                    continue
                _may_repeat(upstream, step)
                if upstream.id not in speakers and (found := find(upstream.id)):
                    stored[upstream.id] = found
                else:
                    speakers[upstream.id] = speakers.get(step.id, step.id)
    steps = tuple(step for step in manifest.steps if step.id in wanted or step.id in speakers)
    return Selection(steps, wanted, speakers, stored)


def _check_order(manifest: Manifest) -> None:
    before: set[str] = set()
    for step in manifest.steps:
        for upstream in (*step.needs, *(each.step for each in step.inputs)):
            if upstream not in before:
                raise _unfit(f"step {step.id!r} does not come after {upstream!r}, which it needs")
        before.add(step.id)


def _upstreams(step: StepPlan, by_id: Mapping[str, StepPlan]) -> list[StepPlan]:
    least, most = _INPUTS[step.role]
    if not least <= len(step.inputs) <= most:
        raise _unfit(f"{step.role} {step.id!r} cannot take rows from {len(step.inputs)} steps")
    upstreams = [by_id[each.step] for each in step.sources]
    for upstream in upstreams:
        if upstream.role == "writer":
            raise _unfit(f"step {step.id!r} cannot take rows from writer {upstream.id!r}")
    return upstreams


def _may_repeat(upstream: StepPlan, reader: StepPlan) -> None:
    if upstream.writes:
        raise RunError(
            f"step {reader.id!r} reads {upstream.id!r}, which is not selected and has effects outside the pipeline",
            code="RUN010",
            found=", ".join(dataset.name for dataset in upstream.writes),
            fix=f"select {upstream.id!r} too",
        )


def _unfit(message: str) -> RunError:
    return RunError(message, code="RUN010", fix="compile the pipeline again")

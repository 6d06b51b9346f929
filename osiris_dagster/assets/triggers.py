"""What starts a pipeline with `schedule: {on: update}`: updates by others of what it reads, without a circle.

A table that the pipeline also writes starts it only through the steps of the others, never through its own. Where
pipelines that all wait for updates feed each other in a circle, one of the edges starts nothing: they would run for
ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from osiris_dagster.assets.lineage import Lineage, Write
from osiris_dagster.compiler.manifest import Dataset, Manifest


@dataclass(frozen=True, slots=True)
class Starts:
    """What starts one pipeline: any update of a dataset, or that of a single step where others must not."""

    datasets: tuple[Dataset, ...] = ()
    writes: tuple[Write, ...] = ()
    left_out: tuple[Write, ...] = ()  # updates of others that start nothing, because they would close a circle

    def __bool__(self) -> bool:
        return bool(self.datasets or self.writes)


@dataclass
class _Circles:
    """Which pipeline starts which, among those that wait for updates."""

    starts: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def closes(self, first: str, then: str) -> bool:
        seen, stack = {then}, [then]
        while stack:
            pipeline = stack.pop()
            if pipeline == first:
                return True
            fresh = self.starts[pipeline] - seen
            seen |= fresh
            stack.extend(fresh)
        return False


def starts_of(manifests: Iterable[Manifest], lineage: Lineage) -> dict[str, Starts]:
    """Return what starts each pipeline that waits for updates; the order of the manifests does not matter."""
    ordered = sorted(manifests, key=lambda m: m.pipeline)
    waiting = {m.pipeline: _reads(m) for m in ordered if m.schedule and m.schedule.on_update}
    if not waiting:
        return {}
    writers = _writers(ordered)
    others = [
        (write in lineage.left_out, pipeline, write)
        for pipeline, reads in waiting.items()
        for dataset in reads
        for write in writers[dataset]
        if write.pipeline != pipeline
    ]
    circles, refused = _Circles(), set[tuple[str, Write]]()
    # Edges that are drawn in the lineage come first: what the UI shows is then what happens.
    for _, pipeline, write in sorted(others, key=lambda edge: (edge[0], edge[1], edge[2].dataset.key)):
        if write.pipeline in waiting and circles.closes(write.pipeline, pipeline):
            refused.add((pipeline, write))
        elif write.pipeline in waiting:
            circles.starts[write.pipeline].add(pipeline)
    return {pipeline: _starts(pipeline, reads, writers, refused) for pipeline, reads in waiting.items()}


def _starts(
    pipeline: str,
    reads: Iterable[Dataset],
    writers: dict[Dataset, list[Write]],
    refused: set[tuple[str, Write]],
) -> Starts:
    datasets: list[Dataset] = []
    writes: list[Write] = []
    left_out: list[Write] = []
    for dataset in reads:
        allowed = [w for w in writers[dataset] if w.pipeline != pipeline and (pipeline, w) not in refused]
        left_out += [w for w in writers[dataset] if (pipeline, w) in refused]
        if len(allowed) == len(writers[dataset]):
            datasets.append(dataset)
        else:
            writes += allowed
    return Starts(tuple(datasets), tuple(writes), tuple(left_out))


def _reads(manifest: Manifest) -> tuple[Dataset, ...]:
    return tuple(dict.fromkeys(dataset for step in manifest.steps for dataset in step.reads))


def _writers(manifests: Iterable[Manifest]) -> defaultdict[Dataset, list[Write]]:
    found: defaultdict[Dataset, list[Write]] = defaultdict(list)
    for manifest in manifests:
        for step in manifest.steps:
            for dataset in step.writes:
                found[dataset].append(Write(manifest.pipeline, step.id, dataset))
    return found

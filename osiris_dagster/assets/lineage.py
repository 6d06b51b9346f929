"""Edges between pipelines through the tables and files they share, without a cycle.

An extractor depends on what it reads, and a table depends on the steps that write it. An edge writer -> table that
would close a cycle (a table read and written by one pipeline, a two-way sync) is left out and named: Dagster refuses
a location with a cyclic asset graph, and automation of everything in it would stop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from osiris_dagster.compiler.manifest import Dataset, Manifest

Node = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One step of one pipeline that writes one dataset."""

    pipeline: str
    step: str
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which writers each dataset depends on, and the writers left out because they would close a cycle."""

    datasets: tuple[Dataset, ...]
    writers: dict[Dataset, tuple[Write, ...]]
    left_out: tuple[Write, ...]


def feeders(lineage: Lineage, pipeline: str, reads: Iterable[Dataset]) -> tuple[Write, ...]:
    """Return the steps of other pipelines that write what a step of `pipeline` reads.

    Dagster orders the steps of one run by edges between steps: a table between two of them, which it does not
    execute, is not enough.
    """
    return tuple(w for dataset in reads for w in lineage.writers.get(dataset, ()) if w.pipeline != pipeline)


def lineage_of(manifests: Iterable[Manifest]) -> Lineage:
    """Return the dataset edges of a whole location; the same manifests in any order give the same edges."""
    ordered = sorted(manifests, key=lambda m: m.pipeline)
    edges: defaultdict[Node, set[Node]] = defaultdict(set)  # from upstream to downstream
    datasets: set[Dataset] = set()
    writes: list[Write] = []
    for manifest in ordered:
        for step in manifest.steps:
            node = (manifest.pipeline, step.id)
            datasets |= {*step.reads, *step.writes}
            for need in step.needs:
                edges[(manifest.pipeline, need)].add(node)
            for dataset in step.reads:
                edges[("", *dataset.key)].add(node)
            writes += [Write(manifest.pipeline, step.id, dataset) for dataset in step.writes]
    kept: defaultdict[Dataset, list[Write]] = defaultdict(list)
    left_out: list[Write] = []
    for write in writes:
        source, target = (write.pipeline, write.step), ("", *write.dataset.key)
        if _reaches(edges, target, source):
            left_out.append(write)
        else:
            edges[source].add(target)
            kept[write.dataset].append(write)
    return Lineage(
        tuple(sorted(datasets, key=lambda d: d.key)),
        {dataset: tuple(items) for dataset, items in kept.items()},
        tuple(left_out),
    )


def _reaches(edges: dict[Node, set[Node]], start: Node, goal: Node) -> bool:
    seen, stack = {start}, [start]
    while stack:
        node = stack.pop()
        if node == goal:
            return True
        fresh = edges.get(node, set()) - seen
        seen |= fresh
        stack.extend(fresh)
    return False

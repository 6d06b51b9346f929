"""Gate 6, `references`: every id that is named exists once, the plan has no cycle, evidence and annex are true."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.files.annex import read_lines
from osiris_dagster.aiop.gates.document import Document, nodes
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.model.context import CONTEXT
from osiris_dagster.aiop.model.shards import Shard, annex_root

REFERENCES = {name for name, rule in CONTEXT.items() if isinstance(rule, dict) and rule.get("@type") == "@id"}
_SHOWN = 10


def references_gate(document: Document) -> list[Finding]:
    """Find dangling and double ids, cycles, and evidence that belongs to no or another step run."""
    value = document.value
    defined = Counter(node["@id"] for node in nodes(value))
    found = [Finding("defined more than once", name) for name, times in sorted(defined.items()) if times > 1]
    found += [Finding(f"{key} names what is not there", name) for key, name in _named(value) if name not in defined]
    graph = Plan(value)
    found += [Finding("the plan has a cycle through", name) for name in graph.cycle()]
    found += [*_belongings(value), *_timeline(value), *_failures(value, graph), *_annex(value, document.folder)]
    return found[:_SHOWN]


class Plan:
    """The planned steps of a document and what each one needs, by id."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        steps = value["semantic"].get("steps", [])
        self.needs = {step["@id"]: set(step.get("depends_on", [])) for step in steps}
        self.step_ids = {step["@id"]: step["step_id"] for step in steps}

    def cycle(self) -> list[str]:
        """Return the steps that no order can put after their needs."""
        left = {name: needs & self.needs.keys() for name, needs in self.needs.items()}
        while ready := [name for name, needs in left.items() if not needs & left.keys()]:
            for name in ready:
                del left[name]
        return sorted(left)

    def dependents(self, name: str) -> set[str]:
        """Return every step that needs this one, directly or through others."""
        reached: set[str] = set()
        front = {name}
        while front:
            front = {step for step, needs in self.needs.items() if needs & front} - reached
            reached |= front
        return reached


def _named(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the term and the id of every reference that is not a node itself."""
    for node in nodes(value):
        for key in REFERENCES & node.keys():
            items = node[key] if isinstance(node[key], list) else [node[key]]
            yield from ((key, item) for item in items if isinstance(item, str))


def _belongings(value: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at what carries the name of its step run in its own id."""
    runs = [(value["run"], "_run")]
    runs += [(run, run["@id"].removeprefix("r:step/")) for run in value["evidence"].get("step_runs", [])]
    for run, name in runs:
        for metric in run.get("metrics", []):
            if metric.get("verifies") != run["@id"] or not _is_of(metric["@id"], name):
                yield Finding(f"the metric does not belong to {run['@id']}", metric["@id"])
        for check in run.get("checks", []):
            if check.get("verifies") != run["@id"] or not _is_of(check["@id"], name):
                yield Finding(f"the check does not belong to {run['@id']}", check["@id"])
        for product in run.get("produces", []):
            if not _is_of(product["@id"], name):
                yield Finding(f"what {run['@id']} produced carries the name of another step", product["@id"])
        if name != "_run" and run["executes"] != f"p:step/{name}":
            yield Finding(f"it executes {run['executes']}", run["@id"])


def _is_of(evidence_id: str, name: str) -> bool:
    return evidence_id.removeprefix("r:evidence/").split(".")[2] == name


def _timeline(value: Mapping[str, Any]) -> Iterator[Finding]:
    events = value["evidence"].get("timeline", [])
    if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
        yield Finding("the events are not numbered from 1 without a gap", "evidence.timeline")
    if any(before["ts"] > after["ts"] for before, after in pairwise(events)):
        yield Finding("the events are not in the order of time", "evidence.timeline")


def _failures(value: Mapping[str, Any], graph: Plan) -> Iterator[Finding]:
    runs = {run["@id"]: run for run in value["evidence"].get("step_runs", [])}
    first = value["run"].get("first_failure")
    if first and runs.get(first, {}).get("status") != "failed":
        yield Finding("the first failing step did not fail", str(first))
    for issue in value["evidence"].get("issues", []):
        failed = runs.get(issue["about"], {}).get("executes", "")
        if set(issue.get("blast_radius", [])) != graph.dependents(failed):
            yield Finding("the blast radius is not what the plan reaches from the failed step", issue["@id"])
        for name in issue.get("stopped", []):
            if runs.get(name, {}).get("status") not in ("aborted", "skipped"):
                yield Finding(f"{name} was not stopped", issue["@id"])


def _annex(value: Mapping[str, Any], folder: Path | None) -> Iterator[Finding]:
    metadata = value["metadata"]
    shards = [
        Shard(node["name"], node["records"], node["size_bytes"], node["sha256"], node["path"])
        for node in metadata.get("shards", [])
    ]
    if annex_root(shards) != metadata.get("annex_root", ""):
        yield Finding("the root of the annex is not that of its shards", "metadata.annex_root")
    for shard in shards:
        if folder and _measured(folder / shard.file, shard) != shard:
            yield Finding("the shard is not the one that the document names", shard.file)


def _measured(path: Path, named: Shard) -> Shard | None:
    """Return what a file of the annex is, whatever the document says; None when it cannot be read."""
    digest, records, size = hashlib.sha256(), 0, 0
    try:
        for line in read_lines(path):
            digest.update(line)
            records, size = records + 1, size + len(line)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return replace(named, records=records, size_bytes=size, sha256=digest.hexdigest())

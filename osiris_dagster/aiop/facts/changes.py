"""What differs between two runs of a pipeline: the plan, the columns, the software."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.canonical import canonical_json
from osiris_dagster.columns import Column, Columns
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.specs.model import ComponentSpec

_SHOWN = ("component", "version", "connection", "needs", "description", "consumes", "produces", "inputs")
"""Parts of a step whose values may be shown; values of `config` only where the spec exports them."""
_INPUTS = ("specs", "schemas", "connections", "compiler")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; `pointer` is a JSON Pointer with steps and columns by name. Empty text: not shown."""

    changed: str  # manifest, schema, version or input
    operation: str  # added, removed or changed
    pointer: str
    before: str = ""
    after: str = ""


def differences(facts: Facts) -> list[Difference]:
    """Return what changed since the last success, in a fixed order; nothing without one."""
    before, plan = facts.previous, facts.previous_manifest
    if before is None or plan is None:
        return []
    return [
        *_manifest(plan, facts.manifest, facts.specs),
        *_schema(before, plan, facts.record, facts.manifest),
        *_versions({**before.versions, **plan.packages}, {**facts.record.versions, **facts.manifest.packages}),
        *_inputs(plan.fingerprints, facts.manifest.fingerprints),
    ]


def _manifest(old: Manifest, new: Manifest, specs: Mapping[str, ComponentSpec]) -> Iterator[Difference]:
    if old.hash == new.hash:
        return
    for name in ("file", "oml_version", "description", "intent", "owners", "tags"):
        yield from _compared("manifest", f"/{name}", getattr(old, name), getattr(new, name), shown=True)
    for name in sorted({*old.params, *new.params}):
        yield from _compared("manifest", f"/params/{_escaped(name)}", old.params.get(name), new.params.get(name))
    plans, planned = ({step.id: step for step in manifest.steps} for manifest in (old, new))
    for step_id in dict.fromkeys([*plans, *planned]):
        yield from _step(step_id, plans.get(step_id), planned.get(step_id), specs)


def _step(
    step_id: str, old: StepPlan | None, new: StepPlan | None, specs: Mapping[str, ComponentSpec]
) -> Iterator[Difference]:
    where = pointer_to(step_id)
    if old is None or new is None:
        yield Difference("manifest", "added" if old is None else "removed", where)
        return
    was, now = _parts(old), _parts(new)
    for name in _SHOWN:
        yield from _compared("manifest", f"{where}/{name}", was[name], now[name], shown=True)
    spec = specs.get(new.component)
    exported = spec.exported if spec else ()
    for name in sorted({*old.config, *new.config}):
        pointer = f"{where}/config/{_escaped(name)}"
        values = old.config.get(name), new.config.get(name)
        yield from _compared("manifest", pointer, *values, shown=name in exported)


def _parts(step: StepPlan) -> dict[str, Any]:
    return {
        "component": step.component,
        "version": step.version,
        "connection": step.connection,
        "needs": list(step.needs),
        "description": step.description,
        "consumes": [dataset.name for dataset in step.reads],
        "produces": [dataset.name for dataset in step.writes],
        "inputs": [[item.step, *item.names] for item in step.inputs],
    }


def _schema(before: RunRecord, plan: Manifest, record: RunRecord, manifest: Manifest) -> Iterator[Difference]:
    old, new = _columns(before, plan), _columns(record, manifest)
    for step_id in [step for step in old if step in new]:
        was, now = ({column.name: column for column in columns} for columns in (old[step_id], new[step_id]))
        if not was or not now:
            continue  # not known on one side is no change
        for name in dict.fromkeys([*was, *now]):
            pointer = f"{pointer_to(step_id)}/columns/{_escaped(name)}"
            yield from _compared("schema", pointer, _type_text(was.get(name)), _type_text(now.get(name)), shown=True)


def _type_text(column: Column | None) -> str | None:
    return None if column is None else column.type if column.nullable else f"{column.type} not null"


def _columns(record: RunRecord, manifest: Manifest) -> dict[str, Columns]:
    """Return the columns of each step as executed, else as planned."""
    seen = {step.step_id: step.columns for step in record.steps}
    return {step.id: seen.get(step.id) or step.columns or () for step in manifest.steps}


def _versions(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*old, *new}):
        yield from _compared("version", f"/versions/{_escaped(name)}", old.get(name), new.get(name), shown=True)


def _inputs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name in _INPUTS:
        yield from _compared("input", f"/fingerprints/{name}", old.get(name), new.get(name))


def _compared(changed: str, pointer: str, old: Any, new: Any, *, shown: bool = False) -> Iterator[Difference]:
    if old == new:
        return
    operation = "added" if old is None else "removed" if new is None else "changed"
    yield Difference(changed, operation, pointer, *((_text(old), _text(new)) if shown else ()))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value).decode()


def pointer_to(step_id: str) -> str:
    """Return where a step stands in a manifest."""
    return f"/steps/{_escaped(step_id)}"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

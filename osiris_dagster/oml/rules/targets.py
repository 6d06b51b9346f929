"""The rule about files that steps write; `write_paths` decides, here and again when the file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.references import find_connection
from osiris_dagster.oml.rules.config import options_of
from osiris_dagster.oml.rules.connections import references_of
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.partition_windows import UNSAFE_IN_PATHS
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.write_paths import BASE, below, refusal

_KEY = "${partition.key}"
_MOST_KEYS = 1000
_UNKNOWN = "?"  # the name of a folder that only the run will know


@rule("OML059", "A file that no step may write", example="path: output/orders.csv")
def protected_file(context: Context) -> Iterator[Diagnostic]:
    """What a step writes is rows, and must not become something that a program reads as its own.

    So a step writes no hidden file or folder, nothing below `pipelines/`, `components/`, `aiop/` and `build/`, no
    `osiris*.yaml` and no `workspace.yaml`, not its own OML file, and no name with a control character or an address
    such as s3://. Upper and lower case are the same here. Params and `base_dir` are filled in first. When the file is
    opened it is looked at again, with its partition and links.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: .git/config}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: output/rows.csv}}
    """
    found = {step.index: find_connection(ref, context.connections or ()) for step, _, ref in references_of(context)}
    for step in context.steps:
        for target in _targets(context, step, found.get(step.index)) if step.role == "writer" else ():
            texts = (target.text.replace(_KEY, key) for key in _keys(context, step, target.text))
            reason = next((why for text in texts if (why := refusal(text, context.document.file))), "")
            if reason:
                yield context.at(
                    target.path,
                    f"`{target.name}` may not be written: {reason}",
                    found=context.shown(target.path, target.text),
                    expected="a file for rows, e.g. output/orders.csv",
                    fix="write to a folder such as output/ or data/",
                )


class _Target(NamedTuple):
    path: Path  # in the document
    name: str  # of the option
    text: str  # the project path


def _targets(context: Context, step: StepText, fact: ConnectionFacts | None) -> Iterator[_Target]:
    """Yield the files that a step writes, as far as the document and the connections file say which."""
    known, own = dict(fact.paths) if fact else {}, context.config(step)
    names = [name for name, schema in options_of(step).items() if schema.get("format") == "project-path"]
    values: Mapping[str, object] = {
        name: known.get(name, _UNKNOWN) if fact and name in fact.fields else own.get(name) for name in names
    }
    base = values.get(BASE)
    for name, value in values.items():
        if isinstance(value, str) and name != BASE:
            where = name if name in own else BASE if BASE in own else "connection"
            text = below(base if isinstance(base, str) else "", value)
            yield _Target((*step.path, "config", where), name, text)


def _keys(context: Context, step: StepText, text: str) -> list[str]:
    """Return the keys that a path is looked at with: those of static partitions, else the placeholder itself.

    What no key in the path of a file may hold is told as OML182.
    """
    partitions = context.body.get("partitions")
    keys = partitions.get("keys") if isinstance(partitions, dict) and _KEY in text else None
    if not isinstance(keys, list):
        return [_KEY]
    file = bool(step.spec and step.spec.dataset and step.spec.dataset.kind == "file")
    named = [key for key in keys[:_MOST_KEYS] if isinstance(key, str)]
    return [key for key in named if not (file and UNSAFE_IN_PATHS.search(key))]

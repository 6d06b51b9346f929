"""Rules about incremental reads: who may read so, and which writers can follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule


@rule("OML150", "An incremental read of a step that reads no source")
def only_sources(context: Context) -> Iterator[Diagnostic]:
    """`incremental` belongs to a step of mode read: only a source has rows that came since the last time.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, incremental: {cursor: n}, config: {query: select 1}}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1}}
    """
    for step in context.steps:
        if "incremental" in step.body and step.role in ("processor", "writer"):
            yield context.at(
                (*step.path, "incremental"),
                "only a step that reads a source can be incremental",
                key=True,
                found=step.component,
                expected="an extractor",
                fix="move it to the extractor",
            )


@rule("OML151", "A writer that an incremental read cannot feed", example="write_mode: upsert")
def followed(context: Context) -> Iterator[Diagnostic]:
    """The rows of an incremental step go to writers that keep how far it has come, in the transaction of the rows.

    These are the writers of tables. They add the new rows with `write_mode: append` or `upsert`; replacing the table
    would leave only the new ones. Rows that are read again, because of `lookback`, need `upsert`.

    Wrong:
        - id: new
          component: duckdb.extractor
          mode: read
          incremental: {cursor: id}
          config: {path: data/shop.duckdb, table: orders}
        - id: load
          component: duckdb.writer
          mode: write
          config: {path: data/copy.duckdb, table: orders, write_mode: replace}

    Right:
        - id: new
          component: duckdb.extractor
          mode: read
          incremental: {cursor: id}
          config: {path: data/shop.duckdb, table: orders}
        - id: load
          component: duckdb.writer
          mode: write
          config: {path: data/copy.duckdb, table: orders, write_mode: append}
    """
    incremental = [
        step for step in context.steps if isinstance(step.body.get("incremental"), dict) and step.role == "extractor"
    ]
    if incremental:
        readers: defaultdict[str, list[StepText]] = defaultdict(list)
        for step in context.steps:
            for need in step.needs if step.role in ("processor", "writer") else ():
                readers[need].append(step)
        for step in incremental:
            again = bool(step.body["incremental"].get("lookback"))
            for writer in _writers_after(step, readers):
                yield from _faults(context, step, writer, again=again)


def _writers_after(step: StepText, readers: Mapping[str, Sequence[StepText]]) -> Iterator[StepText]:
    """Yield the writers that the rows of a step come to."""
    seen, waiting = {step.id}, [step.id]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader.role == "writer":
                yield reader
            elif reader.id not in seen:
                seen.add(reader.id)
                waiting.append(reader.id)


def _faults(context: Context, step: StepText, writer: StepText, *, again: bool) -> Iterator[Diagnostic]:
    spec = writer.spec
    if spec is None:
        return
    if "transactions" not in spec.capabilities:
        yield context.at(
            (*writer.path, "component"),
            f"this writer cannot keep how far the incremental step {step.id!r} has come",
            found=writer.component,
            expected="a writer of tables",
            fix="write to a table, or read without `incremental`",
        )
        return
    path = (*writer.path, "config", "write_mode")
    mode = context.config(writer).get("write_mode", spec.defaults.get("write_mode"))
    if mode == "replace":
        message = f"the table would hold only the new rows of the incremental step {step.id!r}"
        yield context.at(path, message, found="replace", expected="append or upsert", fix="write_mode: upsert")
    elif mode == "append" and again:
        message = f"the rows that step {step.id!r} reads again because of its `lookback` would stand there twice"
        yield context.at(path, message, found="append", expected="upsert", fix="write_mode: upsert, with primary_key")

"""Rules about steps under `partitions`: what a run of one partition reads and replaces is that partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.keys import CONFIG, STEP
from osiris_dagster.oml.placeholders import named
from osiris_dagster.oml.rules.config import options_of
from osiris_dagster.oml.rules.constraints import effective
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.params import texts
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import blocks

COLUMN = "partition_column"


def _own_place(config: Mapping[str, Any]) -> bool:
    """Tell whether an option names a file, table or database of each partition's own."""
    return "key" in named(config)


@rule("OML183", "A replace that would touch other partitions", example="partitions: {..., column: day}")
def replaces_others(context: Context) -> Iterator[Diagnostic]:
    """A run of one partition replaces the rows of that partition, and no others.

    So a writer of tables with `write_mode: replace` has to know the column that tells partitions apart: `column` of
    `partitions`, or its own `partition_column`. A file is replaced as a whole; `${partition.key}` in its path makes it
    a file of one partition. `append` and `upsert` need neither.

    Wrong:
        partitions: {type: daily, start: "2025-01-01"}
        steps:
          - id: rows
            component: duckdb.processor
            mode: transform
            config: {query: "select ${partition.start} as day"}
          - id: out
            component: duckdb.writer
            mode: write
            config: {path: data/a.duckdb, table: t, write_mode: replace}

    Right:
        partitions: {type: daily, start: "2025-01-01", column: day}
        steps:
          - id: rows
            component: duckdb.processor
            mode: transform
            config: {query: "select ${partition.start} as day"}
          - id: out
            component: duckdb.writer
            mode: write
            config: {path: data/a.duckdb, table: t, write_mode: replace}
    """
    for _, block in blocks(context, "partitions"):
        column = block.get("column") if isinstance(block, dict) else None
        for step in context.steps:
            config = effective(context, step)
            if step.role != "writer" or not step.spec or not _replaces(config) or _own_place(config):
                continue
            is_file = bool(step.spec.dataset and step.spec.dataset.kind == "file")
            if not is_file and COLUMN in options_of(step) and (column or config.get(COLUMN)):
                continue
            yield _without_bounds(context, step, is_file=is_file)


def _replaces(config: Mapping[str, Any]) -> bool:
    return bool(config.get("write_mode", "replace") == "replace")


def _without_bounds(context: Context, step: StepText, *, is_file: bool) -> Diagnostic:
    key = next((key for key in ("write_mode", "path", "table") if key in step.config), "")
    path = (*step.path, "config", key) if key else (*step.path, "config")
    if is_file:
        message, expected = "each partition would replace the file of all others", "${partition.key} in the path"
        fix = "write for example path: output/${partition.key}.csv, or write_mode: append"
    else:
        message = "each partition would replace the rows of all others"
        expected = "the column that tells the partitions apart"
        fix = "add `column` to `partitions`, or `partition_column` here; or use append or upsert"
    return context.at(path, message, key=not key, found=step.component, expected=expected, fix=fix)


@rule("OML184", "A partition_column without effect")
def idle_column(context: Context) -> Iterator[Diagnostic]:
    """`partition_column` says which rows a writer with `write_mode: replace` replaces in a partitioned pipeline.

    Elsewhere it would do nothing: without `partitions`, with another write mode, and where `${partition.key}` gives
    each partition a table of its own.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - id: out
          component: duckdb.writer
          mode: write
          config: {path: data/a.duckdb, table: t, write_mode: replace, partition_column: n}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - id: out
          component: duckdb.writer
          mode: write
          config: {path: data/a.duckdb, table: t, write_mode: replace}
    """
    partitioned = any(True for _ in blocks(context, "partitions"))
    for step in context.steps:
        if COLUMN not in step.config or COLUMN not in options_of(step):
            continue
        config = effective(context, step)
        reason = ""
        if not partitioned:
            reason = "the document has no `partitions`"
        elif config.get("write_mode") in ("append", "upsert"):
            reason = f"{config['write_mode']} replaces no rows of a partition"
        elif _own_place(config):
            reason = "each partition has a table of its own"
        if reason:
            path = (*step.path, "config", COLUMN)
            expected = "`partitions` and write_mode: replace"
            yield context.at(path, f"`{COLUMN}` has no effect: {reason}", key=True, expected=expected, fix="remove it")


@rule("OML185", "A placeholder that nothing fills in", example="${partition.key}")
def idle_placeholder(context: Context) -> Iterator[Diagnostic]:
    """Placeholders of a partition are filled in when a step runs: in its `config`, but `connection`, and its `checks`.

    Elsewhere they would stay as they are, since a pipeline has one description, one owner and so on for all partitions.
    Static partitions have a key and no window, so `${partition.start}` and `${partition.end}` mean nothing there.

    Wrong:
        partitions: {type: daily, start: "2025-01-01"}
        description: Orders of ${partition.key}

    Right:
        partitions: {type: daily, start: "2025-01-01"}
        description: Orders of one day
    """
    for _, block in blocks(context, "partitions"):
        static = isinstance(block, dict) and block.get("type") == "static"
        for path, text in texts(context.body, ()):
            for name in dict.fromkeys(named(text)):
                message = "placeholders of a partition are not filled in here" if not _filled_in(path) else ""
                if not message and static and name != "key":
                    message = "static partitions have no start and no end"
                if message:
                    yield context.at(
                        path,
                        message,
                        found=f"${{partition.{name}}}",
                        expected="${partition.key} in `config` or `checks` of a step",
                        fix="remove it, or use a parameter",
                    )


def _filled_in(path: Path) -> bool:
    key = STEP.get(str(path[2])) if len(path) > 3 and path[0] == "steps" else None
    return key is not None and key.partition and path[3] not in CONFIG


@rule("OML186", "An incremental read in a partitioned pipeline")
def no_increments(context: Context) -> Iterator[Diagnostic]:
    """A partition is read as a whole, whenever its run takes place; an incremental read goes on where the last ended.

    Both at once would leave partitions with parts of their rows.

    Wrong:
        partitions: {type: daily, start: "2025-01-01"}
        steps:
          - id: a
            component: filesystem.csv_extractor
            mode: read
            incremental: {cursor: n}
            config: {path: "${partition.key}.csv"}

    Right:
        partitions: {type: daily, start: "2025-01-01"}
        steps:
          - id: a
            component: filesystem.csv_extractor
            mode: read
            config: {path: "${partition.key}.csv"}
    """
    for _ in blocks(context, "partitions"):
        for step in context.steps:
            if step.body.get("incremental") is not None:
                yield context.at(
                    (*step.path, "incremental"),
                    "a partition is read as a whole, and an incremental read only what is new",
                    key=True,
                    expected="either `partitions` or `incremental`",
                    fix="remove `incremental`, and ask for the rows between ${partition.start} and ${partition.end}",
                )


@rule("OML187", "Partitions that no step knows of", severity="warning")
def same_rows(context: Context) -> Iterator[Diagnostic]:
    """Without a placeholder in any step, every partition reads and writes the same rows.

    Wrong:
        partitions: {type: daily, start: "2025-01-01"}
        steps:
          - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}

    Right:
        partitions: {type: daily, start: "2025-01-01"}
        steps:
          - {id: a, component: duckdb.processor, mode: transform, config: {query: "select ${partition.start} as day"}}
    """
    for path, block in blocks(context, "partitions"):
        unread = not isinstance(block, dict) or "type" not in block
        if context.steps and not unread and not any(True for step in context.steps for _ in named(step.config)):
            yield context.at(
                path,
                "no step uses a placeholder of its partition, so all partitions have the same rows",
                key=True,
                expected="${partition.key}, ${partition.start} or ${partition.end} in a query, filter or path",
                fix="ask the source for the rows of one partition",
            )

"""What `partitions` changes in steps at compile time: placeholders in SQL, and the column that a replace needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path, path_text
from osiris_dagster.oml.model import Check, Partitions
from osiris_dagster.oml.params import origin, substitute_text
from osiris_dagster.oml.partition import Partition, first_partition
from osiris_dagster.oml.partition_slice import COLUMN, SliceError, slice_among
from osiris_dagster.oml.placeholders import as_sql, named, origin_before_filling, origin_before_quoting
from osiris_dagster.specs.model import ComponentSpec

DUCKDB = "duckdb"
QUERY = "query"


def partitioned_config(config: dict[str, Any], spec: ComponentSpec, partitions: Partitions | None) -> dict[str, Any]:
    """Return a step's config with its placeholders in quotes and, for a replace of tables, the partition column."""
    if partitions is None:
        return config
    hourly = partitions.type == "hourly"
    for field, dialect in sql_fields(spec).items():
        if isinstance(config.get(field), str):
            config[field] = as_sql(config[field], dialect, hourly=hourly)
    bounded = spec.role == "writer" and COLUMN in spec.config_schema.get("properties", {})
    if bounded and config.get("write_mode") == "replace" and "key" not in named(config):
        config.setdefault(COLUMN, partitions.column)
    return config


def partitioned_check(check: Check, partitions: Partitions | None) -> Check:
    """Return a check with the placeholders of its SQL in quotes."""
    query = check.options.get(QUERY)
    if partitions is None or check.type != "sql" or not isinstance(query, str):
        return check
    return replace(check, options={**check.options, QUERY: as_sql(query, DUCKDB, hourly=partitions.type == "hourly")})


def sql_fields(spec: ComponentSpec) -> Mapping[str, str]:
    """Return the config fields that hold SQL, each with its dialect."""
    if spec.role == "processor":
        return {QUERY: DUCKDB}
    return dict.fromkeys((*spec.sql.statements, *spec.sql.conditions), spec.sql.dialect) if spec.sql else {}


def written_offset(text: str, dialect: str, draft: Draft, offset: int) -> int:
    """Return which character of a text, as it is written, the character `offset` of the text as it is bound comes from.

    In between, parameters were put in, placeholders in quotes, and the first partition in their place.
    """
    partitions = draft.inputs.pipeline.partitions
    if partitions is not None:
        hourly = partitions.type == "hourly"
        given = substitute_text(text, draft.params)
        quoted = as_sql(given, dialect, hourly=hourly)
        offset = origin_before_filling(quoted, first_partition(partitions), offset)
        offset = origin_before_quoting(given, dialect, offset, hourly=hourly)
    return origin(text, draft.params, offset)


def check_partitions(draft: Draft) -> Draft:
    """Hold the partition columns of writers to the columns they get; where those are not known, the run does it."""
    partitions = draft.inputs.pipeline.partitions
    every = first_partition(partitions)
    if partitions is None or every is None:
        return draft
    if partitions.type == "static":
        every = Partition(partitions.keys)
    found = (finding for step in draft.steps for finding in _faults(step, every, draft))
    return replace(draft, diagnostics=(*draft.diagnostics, *found))


def _faults(step: StepPlan, every: Partition, draft: Draft) -> Iterator[Diagnostic]:
    name = step.config.get(COLUMN)
    if not name or step.columns is None:
        return
    try:
        slice_among(step.columns, str(name), every)
    except SliceError as error:
        written = next(one for one in draft.inputs.pipeline.steps if one.id == step.id)
        own: Path = ("steps", written.index, "config", COLUMN)
        path: Path = own if COLUMN in written.config else ("partitions", "column")
        yield Diagnostic(
            "CMP090",
            f"step {step.id!r} cannot replace a partition: {error}",
            place=draft.inputs.document.place(path),
            path=path_text(path),
            found=error.found,
            expected=error.expected,
            fix=error.fix,
        )

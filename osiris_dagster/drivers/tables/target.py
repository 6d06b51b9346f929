"""The table that a writer is to write, by its configuration and the columns of its rows; or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from osiris_dagster.arrow import columns_of
from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.tables.dialect import Dialect, TableColumn
from osiris_dagster.drivers.tables.drift import Drift, Move, Policy, all_columns, plan_drift
from osiris_dagster.drivers.tables.loads import SCHEMA
from osiris_dagster.errors import DriverError
from osiris_dagster.oml.partition_slice import COLUMN, Slice, SliceError, slice_among


@dataclass(frozen=True, slots=True)
class Target:
    """What the configuration says about the table."""

    schema: str
    table: str
    mode: str  # append, replace or upsert
    keys: tuple[str, ...]
    create: bool
    policy: Policy
    on_duplicate: str  # error, first or last
    slice: Slice | None = None  # what replace replaces, where that is a partition

    @property
    def name(self) -> str:
        """The name for messages and for the record of loads."""
        return f"{self.schema}.{self.table}"

    @property
    def emptied(self) -> bool:
        """Whether all rows that are there go."""
        return self.mode == "replace" and self.slice is None


def target_of(config: Mapping[str, Any], schema: str) -> Target:
    """Read the configuration. Raises DriverError for an upsert without keys and for the schema that is ours."""
    keys = config.get("primary_key") or ()
    target = Target(
        schema=schema,
        table=config["table"],
        mode=config["write_mode"],
        keys=(keys,) if isinstance(keys, str) else tuple(keys),
        create=config["create_if_missing"],
        policy=config["schema_drift"],
        on_duplicate=config["on_duplicate"],
    )
    if target.mode == "upsert" and not target.keys:
        raise DriverError(
            "an upsert needs to know the key of a row",
            code="DRV030",
            found="no primary_key",
            expected="primary_key with one or more columns",
            fix="add `primary_key: <column>`",
        )
    if target.schema.lower() == SCHEMA:
        raise DriverError(
            f"the schema {SCHEMA} holds staging tables and the record of loads",
            code="DRV022",
            found=target.name,
            expected="a schema of your own",
            fix="choose another schema",
        )
    return target


def asked_target(call: StepCall, schema: str, rows: pa.Schema, dialect: Dialect) -> Target:
    """Return the table that a step writes, checked against the columns of its rows.

    Raises DriverError for what is wrong with the names of either, the key, or the column of a partition.
    """
    target = target_of(call.config, schema)
    dialect.check_name(target.table, "table")
    check_names(rows.names, dialect)
    for name in rows.names:
        dialect.check_name(name, "column")
    return with_slice(with_keys_as_spelt(target, rows.names, dialect), call, rows)


def check_names(names: Sequence[str], dialect: Dialect) -> None:
    """Raise DriverError for rows without columns, or with two that the database takes for one."""
    if not names:
        raise DriverError(
            "the rows have no columns",
            code="DRV037",
            found="no column",
            expected="at least one column",
            fix="select at least one column in the step before",
        )
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        twin = seen.setdefault(dialect.fold(name), place)
        if twin != place:
            raise DriverError(
                f"the columns {names[twin]!r} and {name!r} are one name for {dialect.name}",
                code="DRV037",
                found=f"{names[twin]}, {name}",
                expected="names that differ in more than case" if dialect.folds else "every name once",
                fix="rename one of them in the step before",
            )


def with_keys_as_spelt(target: Target, names: Sequence[str], dialect: Dialect) -> Target:
    """Return the target with its keys as the rows spell them; DriverError for one that they lack."""
    spelt = {dialect.fold(name): name for name in names}
    for key in target.keys:
        if dialect.fold(key) not in spelt:
            raise DriverError(
                f"the rows have no key column {key!r}",
                code="DRV030",
                found=", ".join(names),
                expected=f"the column {key}",
                fix="select the key in the step before, or correct primary_key",
            )
    return replace(target, keys=tuple(spelt[dialect.fold(key)] for key in target.keys))


def with_slice(target: Target, call: StepCall, rows: pa.Schema) -> Target:
    """Return the target with the rows that a replace of one partition replaces.

    Raises DriverError for rows without the partition column, or with one that cannot tell partitions apart.
    """
    name = call.config.get(COLUMN)
    if not name or call.partition is None or target.mode != "replace":
        return target
    try:
        return replace(target, slice=slice_among(columns_of(rows), name, call.partition))
    except SliceError as error:
        raise DriverError(
            str(error), code="RUN081", found=error.found, expected=error.expected, fix=error.fix
        ) from None


def sliced_column(target: Target, moves: Sequence[Move]) -> str:
    """Return the column of the table by which a partition is replaced; DriverError when the table has none."""
    assert target.slice is not None
    for move in moves:
        if move.source == target.slice.column:
            return move.target
    raise DriverError(
        f"the table {target.name} has no partition column {target.slice.column!r}",
        code="RUN081",
        found=", ".join(move.target for move in moves[:20]),
        expected=f"the column {target.slice.column}",
        fix="add the column to the table, or set schema_drift: evolve",
    )


def plan_write(
    target: Target, table: Sequence[TableColumn] | None, rows: Sequence[TableColumn], dialect: Dialect
) -> Drift:
    """Return what has to happen to `table`, None if it is not there, for these rows.

    Raises DriverError for a missing table that may not be made, a key that the table lacks, and drift that the
    policy refuses.
    """
    if table is None:
        if not target.create:
            raise DriverError(
                f"the table {target.name} does not exist",
                code="DRV035",
                found="no such table",
                expected="an existing table, as create_if_missing is false",
                fix="create the table, or set create_if_missing: true",
            )
        return all_columns(rows)
    known = {dialect.fold(column.name) for column in table}
    for key in target.keys if target.mode == "upsert" else ():
        if dialect.fold(key) not in known:
            raise DriverError(
                f"the table {target.name} has no key column {key!r}",
                code="DRV030",
                found=", ".join(column.name for column in table),
                expected=f"the column {key}",
                fix="correct primary_key, or add the column to the table",
            )
    return plan_drift(table, rows, target.policy, dialect, emptied=target.emptied, kept=target.mode == "upsert")


def not_a_table(target: Target, found: str) -> DriverError:
    """Return the error for a target that is `found`, e.g. a view."""
    return DriverError(
        f"{target.name} is {found}",
        code="DRV035",
        found=found,
        expected="a table",
        fix="write to the table behind it, or choose another name",
    )

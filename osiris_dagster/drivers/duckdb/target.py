"""The configuration of a writer and the columns of its rows in; a table to write and rows that fit DuckDB out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.duckdb.drift import Policy, TableColumn
from osiris_dagster.drivers.duckdb.staging import SCHEMA
from osiris_dagster.drivers.duckdb.types import carried
from osiris_dagster.errors import DriverError


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

    @property
    def name(self) -> str:
        """The name for messages and for the record of loads."""
        return f"{self.schema}.{self.table}"


def target_of(config: Mapping[str, Any]) -> Target:
    """Read the configuration. Raises DriverError for an upsert without keys and for the schema that is ours."""
    keys = config.get("primary_key") or ()
    target = Target(
        schema=config["schema"],
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


def loadable(schema: pa.Schema) -> pa.Schema:
    """Return the schema for DuckDB; DriverError without columns or with two that DuckDB takes for one."""
    if not schema.names:
        raise DriverError(
            "the rows have no columns",
            code="DRV037",
            found="no column",
            expected="at least one column",
            fix="select at least one column in the step before",
        )
    seen: dict[str, str] = {}
    for name in schema.names:
        twin = seen.setdefault(name.lower(), name)
        if twin is not name:
            raise DriverError(
                f"the columns {twin!r} and {name!r} are one name for DuckDB",
                code="DRV037",
                found=f"{twin}, {name}",
                expected="names that differ in more than case",
                fix="rename one of them in the step before",
            )
    return carried(schema)


def keys_in(wanted: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    """Return the keys as the rows spell them; DriverError for one that they lack."""
    spelt = {name.lower(): name for name in names}
    for key in wanted:
        if key.lower() not in spelt:
            raise DriverError(
                f"the rows have no key column {key!r}",
                code="DRV030",
                found=", ".join(names),
                expected=f"the column {key}",
                fix="select the key in the step before, or correct primary_key",
            )
    return tuple(spelt[key.lower()] for key in wanted)


def check_keys_known(target: Target, table: tuple[TableColumn, ...]) -> None:
    """Raise DriverError when an upsert names a key that the table does not have."""
    known = {column.name.lower() for column in table}
    for key in target.keys if target.mode == "upsert" else ():
        if key.lower() not in known:
            raise DriverError(
                f"the table {target.name} has no key column {key!r}",
                code="DRV030",
                found=", ".join(column.name for column in table),
                expected=f"the column {key}",
                fix="correct primary_key, or add the column to the table",
            )

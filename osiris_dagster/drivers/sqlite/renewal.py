"""Alters types of columns in tables of ours, which SQLite cannot: a new table takes the place of the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from osiris_dagster.columns import is_type
from osiris_dagster.drivers.sqlite.catalogue import PREFIX, Relation
from osiris_dagster.drivers.sqlite.cells import restated, storage
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.quoting import listed, quoted

_NEW = quoted("main", f"{PREFIX}new")


def made(table: str, types: Mapping[str, str], keys: Sequence[str]) -> str:
    """Return the statement that makes a table of columns of our types; `table` is in SQL."""
    columns = [f"{quoted(name)} {storage(kind)}" for name, kind in types.items()]
    columns += [f"primary key ({listed(keys)})"] if keys else []
    return f"create table {table} ({', '.join(columns)}) strict"


def in_place(table: Relation, drift: Drift) -> bool:
    """Tell whether the cells that are there have the form of the new types already."""
    own = {column.name: column.type for column in table.columns}
    return all(
        storage(own[column.name]) == storage(column.type) and restated("c", own[column.name], column.type) == "c"
        for column in drift.changed
    )


def renewal(session: Session, table: Relation, drift: Drift) -> Iterator[str]:
    """Yield the statements that put a new table in the place of one, with its rows, key, indexes and triggers.

    Raises DriverError where that would lose what somebody else declared in it.
    """
    if not all(is_type(column.type) for column in table.columns):
        raise DriverError(
            f"the types of main.{table.name} change, and a new table in its place would lose columns declared by hand",
            code="DRV104",
            found="a table with columns that osiris did not make",
            expected="a table that can be made anew",
            fix="alter the columns by hand, or convert the rows in a step before",
        )
    old, name = quoted("main", table.name), quoted(table.name)
    own = {column.name: column.type for column in table.columns}
    new = own | {column.name: column.type for column in (*drift.added, *drift.changed)}
    values = (restated(quoted(column), own.get(column, kind), kind) for column, kind in new.items())
    kept = session.rows(
        "select sql from sqlite_schema where type in ('index', 'trigger') and lower(tbl_name) = lower(?) "
        "and sql is not null",
        (table.name,),
    )
    yield made(_NEW, new, table.keys)
    yield f"insert into {_NEW} select {', '.join(values)} from {old}"
    yield f"drop table {old}"
    yield f"alter table {_NEW} rename to {name}"
    yield from (sql for (sql,) in kept)

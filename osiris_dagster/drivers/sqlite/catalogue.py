"""The schema of a file, and our records in it: what a name stands for, and the columns of a table or query.

A STRICT table has no more types than SQLite has storage classes. What its columns hold beyond that stands in the table
`_osiris_types` of the same file, which is written in the transaction that makes or alters the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from osiris_dagster.columns import is_type
from osiris_dagster.drivers.sqlite.cells import storage
from osiris_dagster.drivers.sqlite.session import Session
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.loads import KEPT_DAYS
from osiris_dagster.drivers.tables.records import FileSql, Records, records_in_file
from osiris_dagster.sql.quoting import literal, quoted

PREFIX = "_osiris_"
TYPES = quoted("main", f"{PREFIX}types")
MAKE_TYPES = (
    f"create table if not exists {TYPES} (table_name text collate nocase, column_name text collate nocase, "
    "type text not null, primary key (table_name, column_name)) strict"
)


_RECORDS = FileSql(
    table=lambda name: quoted("main", PREFIX + name),
    exists=f"select 1 from sqlite_schema where name = '{PREFIX}' || {{}}",
    now="datetime('now')",
    long_ago=f"datetime('now', '-{KEPT_DAYS} days')",
)


def records_of(session: Session) -> Records:
    """Return the records of the file that a session has open."""
    return records_in_file(session.rows, _RECORDS)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is one of ours where we made it, else as it is declared, in capitals."""

    name: str
    type: str
    declared: str
    nullable: bool
    optional: bool  # a row may leave it out
    key: int  # its place in the primary key, from 1; 0 for none
    computed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view."""

    name: str
    kind: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the primary key, in its order."""
        return tuple(c.name for c in sorted(self.columns, key=lambda c: c.key) if c.key)

    @property
    def plain(self) -> tuple[TableColumn, ...]:
        """The columns that rows can bring, for the planner."""
        return tuple(TableColumn(c.name, c.type, c.optional) for c in self.columns if not c.computed)


def names_of(session: Session) -> list[tuple[str, str]]:
    """Return name and kind of all tables and views but SQLite's and ours."""
    found = session.rows("select name, type from sqlite_schema where type in ('table', 'view') order by name")
    return [(name, kind) for name, kind in found if not name.lower().startswith(("sqlite_", PREFIX))]


def look_up(session: Session, table: str) -> Relation | None:
    """Return what bears that name, in any case; None if nothing does."""
    for name, kind in names_of(session):
        if name.lower() == table.lower():
            return Relation(name, kind, tuple(columns_of(session, name, _types(session, name))))
    return None


def columns_of(session: Session, name: str, types: Mapping[str, str], schema: str = "main") -> Iterator[Column]:
    """Yield the columns of a table or view; `types` are ours, by column in lower case."""
    listed = 'select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?, ?)'
    for column, declared, filled, default, key, hidden in session.rows(listed, (name, schema)):
        own = types.get(column.lower(), "")
        kind = own if own and storage(own) == declared.lower() else declared.upper()
        optional = not filled or default is not None or (declared.upper() == "INTEGER" and key > 0)  # numbers itself
        yield Column(column, kind, declared, not filled, optional, key, hidden in (2, 3))


def _types(session: Session, table: str) -> dict[str, str]:
    if not session.rows("select 1 from sqlite_schema where name = ?", (f"{PREFIX}types",)):
        return {}
    found = session.rows(f"select column_name, type from {TYPES} where table_name = ?", (table,))
    return {column.lower(): kind for column, kind in found if is_type(kind)}


def keep_type(table: str, column: str, kind: str) -> str:
    """Return the statement that records the type of a column."""
    values = ", ".join(literal(text) for text in (table, column, kind))
    return f"insert or replace into {TYPES} values ({values})"


def forget_types(table: str) -> str:
    """Return the statement that drops what is recorded of an older table of that name."""
    return f"delete from {TYPES} where table_name = {literal(table)}"


def is_unique(session: Session, table: Relation, keys: frozenset[str]) -> bool:
    """Tell whether the table itself keeps these columns, in lower case, unique."""
    indexes: dict[str, set[str]] = {"": {key.lower() for key in table.keys}}
    listed = 'from pragma_index_list(?) i, pragma_index_info(i.name) c where i."unique" and not i.partial'
    for index, column in session.rows(f"select i.name, c.name {listed}", (table.name,)):
        indexes.setdefault(index, set()).add(str(column or "").lower())
    return keys in indexes.values()

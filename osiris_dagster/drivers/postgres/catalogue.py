"""The server's catalogue: what a name stands for, and the columns and unique keys of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from osiris_dagster.drivers.postgres.session import Session
from osiris_dagster.drivers.tables.dialect import TableColumn


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or the like: its object id and kind as `pg_class` has it."""

    oid: int
    kind: str

    @property
    def is_table(self) -> bool:
        """Whether rows can be written to it: tables, partitioned and foreign ones among them."""
        return self.kind in ("r", "p", "f")


def find_table(session: Session, schema: str, table: str) -> Relation | None:
    """Return what bears that name, spelt exactly so."""
    found = session.rows(
        "select c.oid, c.relkind from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')",
        [schema, table],
    )
    return Relation(int(found[0][0]), str(found[0][1])) if found else None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that rows can bring, and those among them that number rows themselves, always."""

    columns: tuple[TableColumn, ...]
    always_identity: frozenset[str]


def columns_of(session: Session, relation: Relation) -> Columns:
    """Return the columns in their order; those that the table computes from others are left out."""
    found = session.rows(
        "select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), "
        "not a.attnotnull or a.atthasdef or a.attidentity <> '', a.attidentity = 'a' "
        "from pg_catalog.pg_attribute a where a.attrelid = %s and a.attnum > 0 and not a.attisdropped "
        "and a.attgenerated = '' order by a.attnum",
        [relation.oid],
    )
    columns = tuple(TableColumn(name, kind, optional) for name, kind, optional, _ in found)
    return Columns(columns, frozenset(name for name, _, _, always in found if always))


def has_unique_key(session: Session, relation: Relation, keys: Sequence[str]) -> bool:
    """Tell whether the server itself keeps these columns, in any order, unique at once and for all rows."""
    found = session.rows(
        "select array_agg(a.attname::text) from pg_catalog.pg_index i "
        "join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
        "where i.indrelid = %s and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null "
        "and i.indexprs is null and i.indnkeyatts = i.indnatts group by i.indexrelid",
        [relation.oid],
    )
    return any(sorted(names) == sorted(keys) for (names,) in found)

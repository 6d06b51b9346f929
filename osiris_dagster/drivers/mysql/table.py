"""What the catalogue says about a table: columns as declared, keys, engine, and what depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.drivers.mysql.dialect import catalogue_type
from osiris_dagster.drivers.mysql.names import quoted
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.drivers.tables.dialect import TableColumn
from osiris_dagster.drivers.tables.target import Target, not_a_table
from osiris_dagster.errors import DriverError


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of a table that is there."""

    name: str
    declared: str  # the type as the catalogue writes it
    collation: str  # "charset collation" as SQL; empty for what is no text
    nullable: bool
    optional: bool  # a row may leave it out
    default: str  # as SQL; empty for none
    numbered: bool  # auto_increment
    comment: str  # as SQL; empty for none

    @property
    def kind(self) -> str:
        """The type for the planner."""
        return catalogue_type(self.declared)

    def attributes(self, *, widened: bool) -> str:
        """Return what a change of type has to say again; a default of another sort of type goes with that."""
        parts = ["auto_increment" if self.numbered and widened else ""]
        parts += [f"default {self.default}" if self.default and widened else ""]
        parts += [f"comment {self.comment}" if self.comment else ""]
        return " ".join(part for part in parts if part)

    @property
    def definition(self) -> str:
        """The type and its character set, for a column that takes the same values."""
        return f"{self.declared} {self.collation}".rstrip()


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table that is there."""

    columns: tuple[ColumnFacts, ...]
    unique: tuple[frozenset[str], ...]  # columns of each unique index, in lower case
    rows: int  # as the server estimates it
    comment: str
    tied: str  # what a new table of the same name would lose, e.g. "triggers"; empty for nothing

    @property
    def plain(self) -> tuple[TableColumn, ...]:
        """The columns for the planner."""
        return tuple(TableColumn(column.name, column.kind, column.optional) for column in self.columns)

    def column(self, name: str) -> ColumnFacts | None:
        """Return a column by its name, in any case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)


def look_up(session: Session, target: Target) -> TableFacts | None:
    """Return what is known about the target, None if it is not there.

    Raises DriverError for a view, and for an engine without transactions: half a write could not be taken back.
    """
    schema, table = session.text(target.schema), session.text(target.table)
    found = session.rows(
        "select table_type, engine, table_rows, table_comment from information_schema.tables "
        f"where table_schema = {schema} and table_name = {table}"
    )
    if not found:
        _check_database(session, target)
        return None
    kind, engine, rows, comment = found[0]
    if kind not in ("BASE TABLE", "SYSTEM VERSIONED"):
        raise not_a_table(target, "a view" if "VIEW" in str(kind) else f"a {str(kind).lower()}")
    _check_engine(session, target, str(engine))
    return TableFacts(
        columns=_columns(session, target),
        unique=_unique(session, schema, table),
        rows=int(rows or 0),
        comment=str(comment or ""),
        tied="its history" if kind == "SYSTEM VERSIONED" else _ties(session, schema, table),
    )


def _check_database(session: Session, target: Target) -> None:
    name = session.text(target.schema)
    if not session.rows(f"select 1 from information_schema.schemata where schema_name = {name}"):
        raise DriverError(
            f"there is no database {target.schema}",
            code="DRV024",
            found=target.schema,
            expected="a database that this user may see",
            fix="create the database, or correct `database` of the connection or step",
        )


def _check_engine(session: Session, target: Target, engine: str) -> None:
    found = session.rows(f"select transactions from information_schema.engines where engine = {session.text(engine)}")
    if found and found[0][0] == "YES":
        return
    raise DriverError(
        f"the table {target.name} has the engine {engine}, which has no transactions",
        code="DRV103",
        found=engine,
        expected="InnoDB or another engine with transactions: a write that fails has to leave the old rows",
        fix=f"alter table {quoted(target.schema, target.table)} engine = InnoDB",
    )


def _columns(session: Session, target: Target) -> tuple[ColumnFacts, ...]:
    mariadb = "mariadb" in str(session.value("select version()")).lower()
    rows = session.rows(
        "select column_name, column_type, character_set_name, collation_name, is_nullable, column_default, extra, "
        "column_comment from information_schema.columns where "
        f"table_schema = {session.text(target.schema)} and table_name = {session.text(target.table)} "
        "order by ordinal_position"
    )
    columns = []
    for name, declared, charset, collation, nullable, default, extra, comment in rows:
        automatic = str(extra).lower()
        written = _default(session, default, automatic, mariadb=mariadb)
        columns.append(
            ColumnFacts(
                name=str(name),
                declared=str(declared),
                collation=f"character set {charset} collate {collation}" if charset else "",
                nullable=nullable == "YES",
                optional=nullable == "YES"
                or bool(written)
                or "auto_increment" in automatic
                or "generated" in automatic,
                default=written,
                numbered="auto_increment" in automatic,
                comment=session.text(str(comment)) if comment else "",
            )
        )
    return tuple(columns)


def _default(session: Session, default: object, extra: str, *, mariadb: bool) -> str:
    """Return a default as SQL; MariaDB keeps it that way, MySQL keeps the bare text of literals."""
    if default is None or (mariadb and str(default).upper() == "NULL"):
        return ""
    text = str(default)
    if mariadb or "default_generated" in extra:
        return text if mariadb or text.upper().startswith("CURRENT_TIMESTAMP") else f"({text})"
    return session.text(text)


def _unique(session: Session, schema: str, table: str) -> tuple[frozenset[str], ...]:
    rows = session.rows(
        "select index_name, column_name from information_schema.statistics "
        f"where table_schema = {schema} and table_name = {table} and non_unique = 0"
    )
    indexes: dict[str, set[str]] = {}
    for index, column in rows:  # an index on an expression has no column
        indexes.setdefault(str(index), set()).add(str(column or "").lower())
    return tuple(frozenset(columns) for columns in indexes.values())


def _ties(session: Session, schema: str, table: str) -> str:
    here = f"table_schema = {schema} and table_name = {table}"
    queries = {
        "triggers": "select 1 from information_schema.triggers where "
        f"event_object_schema = {schema} and event_object_table = {table} limit 1",
        "foreign keys": "select 1 from information_schema.key_column_usage where referenced_table_name is not null "
        f"and (({here}) or (referenced_table_schema = {schema} and referenced_table_name = {table})) limit 1",
    }
    return next((what for what, query in queries.items() if session.rows(query)), "")

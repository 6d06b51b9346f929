"""The stores that cases write to: made empty, looked at, and asked which statements reached them.

Every side has servers of its own, so that names are the same on both. Statements are those of the user of the
connection, session by session; sessions stand in the order of their text, because several open at the same time.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb

from tests.servers import mariadb, postgres
from tests.servers.places import in_memory

DATABASE = "compared"
FILE = "data/target.duckdb"
_NUMBERS = re.compile(r"[0-9a-f]*[0-9][0-9a-f-]*")  # ids and times decide nothing about the order of sessions

_SYSTEM = "'mysql', 'information_schema', 'performance_schema', 'sys'"


class Store(Protocol):
    """A database of a case."""

    port: int

    def connection(self) -> Mapping[str, Any]:
        """Return the fields of a connection to it."""

    def prepare(self, folder: Path, statements: Iterable[str]) -> None:
        """Make it empty, then run statements."""

    def tables(self, folder: Path) -> Mapping[str, tuple[str, str]]:
        """Return definition and rows of each table."""

    def statements(self) -> str:
        """Return what the command sent since `prepare`."""


@dataclass
class MySQL:
    """A database of a MariaDB or MySQL server, with its general log in a table."""

    server: mariadb.Server
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.server.port
        self.server.execute(f"create user {mariadb._USER}@'%' identified by '{mariadb.PASSWORD}'")
        self.server.execute(f"grant all on *.* to {mariadb._USER}@'%'")

    def connection(self) -> Mapping[str, Any]:
        return mariadb.Database(self.server, DATABASE).connection

    def prepare(self, folder: Path, statements: Iterable[str]) -> None:
        del folder
        self.server.execute(
            *[f"drop database `{name}`" for name in self._databases()],
            f"create database {DATABASE} character set utf8mb4 collate utf8mb4_bin",
        )
        self.server.execute(*statements, database=DATABASE)
        self.server.execute("truncate table mysql.general_log")

    def tables(self, folder: Path) -> Mapping[str, tuple[str, str]]:
        del folder
        found = {}
        places = self.server.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            f" and table_schema not in ({_SYSTEM})"
        )
        with self.server.connect(conv={}) as session, session.cursor() as cursor:
            cursor.execute("set time_zone = '+00:00'")
            for database, name in places:
                place = ".".join("`" + part.replace("`", "``") + "`" for part in (database, name))
                cursor.execute(f"show create table {place}")
                made = cursor.fetchone()[1]
                cursor.execute(f"select * from {place}")
                found[name if database == DATABASE else f"{database}.{name}"] = (made, _rows(cursor.fetchall()))
        return found

    def _databases(self) -> list[str]:
        shown = self.server.execute(
            f"select schema_name from information_schema.schemata where schema_name not in ({_SYSTEM})"
        )
        return [name for (name,) in shown]

    def statements(self) -> str:
        said = self.server.execute(
            "select thread_id, command_type, convert(argument using utf8mb4) from mysql.general_log"
            f" where user_host like '%{mariadb._USER}%' and command_type not in ('Quit', 'Connect') order by event_time"
        )
        return _sessions((thread, f"{kind}: {text}") for thread, kind, text in said)


@dataclass
class PostgreSQL:
    """A database of a PostgreSQL server that writes its log as JSON."""

    server: postgres.Server
    port: int = field(init=False)
    read: int = 0  # bytes of the log
    marks: int = 0

    def __post_init__(self) -> None:
        self.port = self.server.port
        self.server.execute(
            f"create role {postgres.USER} login password '{postgres.PASSWORD}'",
            f"create database {DATABASE} owner {postgres.USER} encoding 'UTF8' template template0",
        )

    def connection(self) -> Mapping[str, Any]:
        return postgres.Database(self.server, DATABASE).connection

    def prepare(self, folder: Path, statements: Iterable[str]) -> None:
        del folder
        schemas = self.server.execute(
            "select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_|^information_schema$'",
            database=DATABASE,
        )
        self.server.execute(
            *[f"drop schema {name} cascade" for (name,) in schemas],
            f"create schema public authorization {postgres.USER}",
            f"set role {postgres.USER}",
            *statements,
            database=DATABASE,
        )
        self._said()

    def tables(self, folder: Path) -> Mapping[str, tuple[str, str]]:
        del folder
        names = self.server.execute(
            "select c.oid::regclass::text, c.relname, c.oid from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where relkind in ('r', 'p') and nspname !~ '^pg_|^information_schema$' order by 1",
            database=DATABASE,
        )
        found = {}
        for place, name, number in names:
            columns = self.server.execute(
                "select attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity"
                f" from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum"
                f" where attrelid = {number} and attnum > 0 and not attisdropped order by attnum",
                database=DATABASE,
            )
            rules = self.server.execute(
                f"select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = {number} union all"
                f" select 'index', indexdef from pg_indexes where format('%I.%I', schemaname, tablename)::regclass"
                f" = {number}::regclass order by 1, 2",
                database=DATABASE,
            )
            rows = self.server.execute("set time zone 'UTC'", f"select t::text from {place} t", database=DATABASE)
            found[name if place == f'"{name}"' else place] = (
                "\n".join(map(str, [*columns, *rules])),
                _rows(rows),
            )
        return found

    def statements(self) -> str:
        return _sessions(
            (entry["pid"], " ".join(filter(None, [entry["message"], entry.get("detail")])))
            for entry in self._said()
            if entry.get("user") == postgres.USER and entry["message"].startswith(("statement: ", "execute "))
        )

    def _said(self) -> list[dict[str, Any]]:
        """Return the entries of the log since last time: up to a mark, because it is written by another process."""
        self.marks += 1
        mark = f"mark {self.marks} of the comparison"
        self.server.execute(f"select '{mark}'")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ((text,),) = self.server.execute(
                f"select pg_read_file(pg_current_logfile('jsonlog'), {self.read}, 1 << 28)"
            )
            end = text.find("\n", text.find(f"'{mark}'")) + 1
            if f"'{mark}'" in text and end:
                self.read += len(text[:end].encode())
                return [json.loads(line) for line in text[:end].splitlines()]
            time.sleep(0.01)
        raise TimeoutError("the log of PostgreSQL does not show the last statement")


@dataclass
class DuckDB:
    """A database file in the folder of the case; nobody records its statements."""

    port: int = 0

    def connection(self) -> Mapping[str, Any]:
        return {"path": FILE}

    def prepare(self, folder: Path, statements: Iterable[str]) -> None:
        (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(folder / FILE) as session:
            for statement in statements:
                session.execute(statement)

    def tables(self, folder: Path) -> Mapping[str, tuple[str, str]]:
        found = {}
        with duckdb.connect(folder / FILE, read_only=True) as session:
            session.execute("set timezone = 'UTC'")
            made = session.execute("select database_name, schema_name, table_name, sql from duckdb_tables()").fetchall()
            for _, schema, name, sql in made:
                place = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
                rows = session.execute(f"select cast(t as varchar) from {place} t").fetchall()
                found[name if schema == "main" else f"{schema}.{name}"] = (sql, _rows(rows))
        return found

    def statements(self) -> str:
        return ""


def _rows(rows: Iterable[tuple[Any, ...]]) -> str:
    return "\n".join(sorted(map(repr, rows)))


def _sessions(said: Iterable[tuple[Any, str]]) -> str:
    sessions: defaultdict[Any, list[str]] = defaultdict(list)
    for session, text in said:
        sessions[session].append(text)
    told = ("\n".join(texts) for texts in sessions.values())
    return "\n--\n".join(sorted(told, key=lambda text: _NUMBERS.sub("", text)))


@contextmanager
def stores(families: Iterable[str]) -> Iterator[dict[str, Store]]:
    """Start a server for each family that has one; they end with the block."""
    with ExitStack() as stack:
        found: dict[str, Store] = {}
        for family in families:
            if family == "mysql":
                options = ("--log-output=TABLE", "--general-log=1")
                found[family] = MySQL(stack.enter_context(mariadb.private_server(*options, place=in_memory())))
            elif family == "postgres":
                logging = {"logging_collector": "on", "log_destination": "jsonlog", "log_statement": "all"}
                one_file = {"log_rotation_size": "0", "log_rotation_age": "0"}
                server = stack.enter_context(postgres.private_server(None, in_memory(), **logging, **one_file))
                found[family] = PostgreSQL(server)
            else:
                found[family] = DuckDB()
        yield found

"""An HTTP server on loopback that speaks PostgREST's wire format over a real database, and fails when told to.

As much of it as a client of tables meets: the description of tables, pages with casts and order, inserts and upserts
that are one transaction a request, counts in Content-Range, profiles, keys, and errors as JSON.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg2

from tests.servers.postgres import Database

KEY = "service-key-of-the-project"
_COLUMNS = """
    select c.relname, a.attname, format_type(a.atttypid, null), a.attnotnull, a.atthasdef or a.attidentity <> '',
      exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey))
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p', 'v') and c.relnamespace = %s::regnamespace order by c.relname, a.attnum
"""


@dataclass
class Project:
    """The state that a test may look at and change."""

    database: Database
    url: str = ""
    most_rows: int = 1000
    faults: list[Any] = field(default_factory=list)  # for the next requests: a status, "drop", "drop after", or None
    seen: list[tuple[str, str]] = field(default_factory=list)  # method and target
    before: Any = None  # called before each request

    def connect(self) -> Any:
        server = self.database.server
        place = {"host": server.host, "port": server.port, "dbname": self.database.name}
        return psycopg2.connect(user=server.user, password=server.password, **place)


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    project: Project

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_POST(self) -> None:
        self._handle(self._post)

    def _handle(self, work: Any) -> None:
        self.project.seen.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.project.before:
            self.project.before()
        fault = self.project.faults.pop(0) if self.project.faults else None
        if fault == "drop":
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise _RefusedError(fault, f"fault {fault}")
            if self.headers["apikey"] != KEY or self.headers["Authorization"] != f"Bearer {KEY}":
                raise _RefusedError(401, "Invalid API key")
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            table = unquote(parts.path.removeprefix("/rest/v1/"))
            status, headers, answer = work(table, query, body)
        except _RefusedError as error:
            status, headers = error.status, {"Retry-After": "0"} if error.status == 429 else {}
            answer = {"code": error.code, "message": str(error), "details": "secret of a row", "hint": None}
        except psycopg2.Error as error:
            status, headers = 400, {}
            answer = {"code": error.pgcode, "message": error.diag.message_primary, "details": error.diag.message_detail}
        if fault == "drop after":
            self.close_connection = True
            return
        self._reply(status, headers, b"" if answer is None else json.dumps(answer).encode())

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _get(self, table: str, query: dict[str, str], _body: bytes) -> tuple[int, dict[str, str], Any]:
        schema = self.headers.get("Accept-Profile", "public")
        with closing(self.project.connect()) as connection, connection.cursor() as cursor:
            if not table:
                cursor.execute(_COLUMNS, [schema])
                return 200, {}, {"swagger": "2.0", "definitions": _definitions(cursor.fetchall())}
            place = f"{_quoted(schema)}.{_quoted(table)}"
            chosen = [item.rpartition("::") for item in _items(query["select"])]
            listed = ", ".join(f"{_column(name)}::{kind} as {_alias(name)}" for name, _, kind in chosen)
            order = ", ".join(_column(item.removesuffix(".asc")) for item in _items(query.get("order", "")))
            bounds = {name: value for name, value in query.items() if value.startswith("gt.")}
            where = " and ".join(f"{_column(name)} > %s" for name in bounds) or "true"
            values = [value.removeprefix("gt.") for value in bounds.values()]
            limit = min(int(query["limit"]), self.project.most_rows)
            cursor.execute(f"select count(*) from {place} t where {where}", values)
            total = cursor.fetchone()[0]
            paged = f"limit {limit} offset {query['offset']}"
            ordered = f"order by {order}" if order else ""
            cursor.execute(f"select {listed} from {place} t where {where} {ordered} {paged}", values)
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        first = int(query["offset"])
        reach = f"{first}-{first + len(rows) - 1}" if rows else "*"
        return 206, {"Content-Range": f"{reach}/{total}"}, rows

    def _post(self, table: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        place = f"{_quoted(self.headers.get('Content-Profile', 'public'))}.{_quoted(table)}"
        names = [_quoted(_name(item)) for item in _items(query.get("columns", ""))]
        listed = ", ".join(names)
        statement = (
            f"insert into {place} ({listed}) select {listed} from json_populate_recordset(null::{place}, %s::json) as r"
        )
        if "resolution=merge-duplicates" in self.headers["Prefer"]:
            keys = ", ".join(_quoted(_name(item)) for item in _items(query["on_conflict"]))
            changes = ", ".join(f"{name} = excluded.{name}" for name in names)
            statement += f" on conflict ({keys}) do update set {changes}"
        with closing(self.project.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, [body.decode()])
            return 201, {"Content-Range": f"*/{cursor.rowcount}"}, None


def _definitions(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for table, column, kind, not_null, default, key in rows:
        rules = tables.setdefault(table, {"required": [], "properties": {}, "type": "object"})
        note = {"description": "Note:\nThis is a Primary Key.<pk/>"} if key else {}
        rules["properties"][column] = {"format": kind, **note, **({"default": "something"} if default else {})}
        rules["required"] += [column] if not_null else []
    return tables


def _items(text: str) -> list[str]:
    """Split at commas outside of quotes."""
    return [item for item in re.findall(r'((?:"(?:[^"\\]|\\.)*"|[^,"])+)', text) if item]


def _name(item: str) -> str:
    return re.sub(r"\\(.)", r"\1", item[1:-1]) if item.startswith('"') else item


def _column(item: str) -> str:
    return f"t.{_quoted(_name(item.rpartition(':')[2]))}"


def _alias(item: str) -> str:
    alias, _, name = item.rpartition(":")
    return _quoted(_name(alias or name))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def rest_project(database: Database) -> Iterator[Project]:
    project = Project(database)
    handler = type("Handler", (_Handler,), {"project": project})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        project.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield project
        finally:
            server.shutdown()
            thread.join()

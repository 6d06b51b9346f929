"""Sends encoded rows to a staging table: by LOAD DATA LOCAL where the server allows it, else by INSERT.

LOAD DATA asks this side for a file. It gets packets from our own buffers, and nothing else can be asked for: pymysql is
told to refuse every such request, also one that a server makes up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa

from osiris_dagster.drivers.behind import Behind
from osiris_dagster.drivers.mysql.encode import FILE, VALUES, content, lines, sizes
from osiris_dagster.drivers.mysql.names import listed, quoted
from osiris_dagster.drivers.mysql.session import Session
from osiris_dagster.errors import DriverError

_QUERY = 0x03
_FILE_REQUEST = 0xFB
_PACKET = 1 << 20
_STATEMENT = 1 << 20  # bytes of one INSERT


def load_by_file(session: Session, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    """Stream all rows through LOAD DATA LOCAL; return how many the server took. Raises when it warned of anything."""
    below: Any = session.connection
    with session.faults():
        below._execute_command(_QUERY, _load_statement(table, schema))
        request = below._read_packet().get_all_data()
    if request[0] != _FILE_REQUEST:
        raise DriverError(
            "the server did not ask for the rows",
            code="DRV099",
            found=f"an answer that begins with {request[0]}",
            expected="a request for a file",
            fix="set local_infile off on the server, so that rows go by INSERT",
        )
    try:
        with Behind[memoryview](lambda rows: _send(session, rows), "load-data") as behind:
            for batch in batches:
                behind.take(content(lines(batch, FILE)))
            behind.finish()
    except BaseException:
        with suppress(DriverError):  # the server waits for the end of the file; why there is none is what counts
            _ended(session)
        raise
    return _taken(session, _ended(session))


def _ended(session: Session) -> Any:
    session.stop.check()
    below: Any = session.connection
    with session.faults():
        below.write_packet(b"")
        return below._read_packet()


def _load_statement(table: str, schema: pa.Schema) -> str:
    names = [f"@c{place}" if _is_bytes(field.type) else quoted(field.name) for place, field in enumerate(schema)]
    bytes_columns = [
        f"{quoted(field.name)} = unhex(@c{place})" for place, field in enumerate(schema) if _is_bytes(field.type)
    ]
    return (
        f"load data local infile 'rows' into table {table} character set utf8mb4 "
        r"fields terminated by '\t' enclosed by '' escaped by '\\' lines starting by '' terminated by '\n' "
        f"({', '.join(names)})" + (f" set {', '.join(bytes_columns)}" if bytes_columns else "")
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _send(session: Session, rows: memoryview) -> None:
    below: Any = session.connection
    with session.faults():
        for start in range(0, len(rows), _PACKET):
            part = rows[start : start + _PACKET]
            below._sock.sendall(struct.pack("<I", len(part) | below._next_seq_id << 24))
            below._sock.sendall(part)
            below._next_seq_id = (below._next_seq_id + 1) % 256


def _taken(session: Session, answer: Any) -> int:
    """Read the OK packet: rows taken, and warnings, of which none is harmless."""
    answer.advance(1)
    taken = int(answer.read_length_encoded_integer())
    answer.read_length_encoded_integer()
    _, warnings = answer.read_struct("<HH")
    if warnings:
        refuse_warnings(session)
    return taken


def refuse_warnings(session: Session) -> None:
    """Raise DriverError for the first warning that the server has."""
    found = session.rows("show warnings limit 1")
    text = str(found[0][2]) if found else "a warning without text"
    # The text may quote a value; what it says about the column comes before.
    column = text.partition("column '")[2].partition("'")[0] or text.partition("column `")[2].rpartition("`")[0]
    raise DriverError(
        f"values of column {column.rpartition('`')[2]!r} do not fit the type that the table has",
        code="DRV034",
        found="values that would be cut or changed",
        expected="values that fit",
        fix="convert the column in a step before, or change the type of the table's column",
    )


def load_by_insert(session: Session, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    """Insert all rows, many with one statement; return how many the server took."""
    head = f"insert into {table} ({listed(schema.names)}) values ".encode()
    most = int(session.value("select @@max_allowed_packet"))
    taken = 0
    for batch in batches:
        for rows in _statements(lines(batch, VALUES), most - len(head) - 64):
            session.stop.check()
            with session.faults(), session.connection.cursor() as cursor:
                taken += int(cursor.execute(b"".join((head, content(rows)[:-1]))))
                warned = int(getattr(cursor, "warning_count", 0))
            if warned:
                refuse_warnings(session)
    return taken


def _statements(rows: pa.Array, most: int) -> Iterator[pa.Array]:
    """Yield the rows in parts of about one mebibyte; a row that is larger than the server takes is refused."""
    each = sizes(rows)
    if len(each) and int(each.max()) > most:
        raise DriverError(
            f"a row has {int(each.max()) >> 20} MiB, more than a statement may have",
            code="DRV097",
            found=f"{int(each.max())} bytes",
            expected=f"at most {most} bytes (max_allowed_packet of the server)",
            fix="raise max_allowed_packet of the server, or turn on local_infile there",
        )
    bound = min(_STATEMENT, most)
    behind = np.cumsum(each)
    start = 0
    while start < len(rows):
        base = int(behind[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(behind, base + bound, side="right")))
        yield rows.slice(start, stop - start)
        start = stop

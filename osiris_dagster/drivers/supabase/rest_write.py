"""Writes rows over REST. A request is one transaction, and there is none over several.

So an append has to fit into one request; an upsert may take many, because repeating it changes nothing; a replace is
refused, for the table would be empty in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.postgres.dialect import DIALECT
from osiris_dagster.drivers.supabase.rest import Rest
from osiris_dagster.drivers.supabase.rest_types import RestTable, describe, in_select, rows_of
from osiris_dagster.drivers.tables.refusals import AT_LEAST_ONCE, left_out
from osiris_dagster.drivers.tables.staged import check_keys
from osiris_dagster.drivers.tables.target import Target, check_names, target_of, with_keys_as_spelt
from osiris_dagster.errors import DriverError

_REQUEST_ROWS = 5_000
_ONE_REQUEST = 16 * 1024 * 1024  # bytes of Arrow that an append may have
_DSN = "add `dsn`, the project's PostgreSQL address, to the connection"


class RestWriting:
    """One write of one step."""

    def __init__(self, rest: Rest, call: StepCall) -> None:
        self._rest = rest
        self._call = call
        self._notes: list[str] = []

    def run(self, watched: Watched) -> WriteReport:
        """Check all rows, then send them."""
        target = target_of(self._call.config, self._rest.schema)
        names = watched.schema.names
        check_names(names, DIALECT)
        target = with_keys_as_spelt(target, names, DIALECT)
        if target.mode == "replace":
            raise _refused("replace would leave the table, or the partition, empty between two requests")
        table = self._table(target)
        names = self._fitting(target, table, names)
        rows = self._checked(target, pa.Table.from_batches(list(self._taken(target, watched)), watched.schema))
        sent = 0
        for batch in rows.to_batches(max_chunksize=max(1, len(rows)) if target.mode == "append" else _REQUEST_ROWS):
            sent += self._send(target, names, rows_of(batch, {name: table.columns[name] for name in names}))
        if self._call.run_id and target.mode == "append":
            self._notes.append(AT_LEAST_ONCE)
        return WriteReport(sent, notes=tuple(self._notes))

    def _table(self, target: Target) -> RestTable:
        try:
            return describe(self._rest, target.table)
        except DriverError as error:
            if error.first.code != "DRV024":
                raise
            raise DriverError(
                f"the table {target.name} does not exist, and cannot be made over REST",
                code="DRV035",
                found="no such table",
                expected="an existing table",
                fix=f"make the table, or {_DSN}",
            ) from error

    def _fitting(self, target: Target, table: RestTable, names: list[str]) -> list[str]:
        """Return the columns to send; over REST no table changes."""
        new = [name for name in names if name not in table.columns]
        lacking = sorted(table.required - set(names)) if target.mode == "append" else []
        if lacking or (new and target.policy != "ignore"):
            found = [*(f"column {name} is new" for name in new), *(f"column {name} is missing" for name in lacking)]
            raise DriverError(
                "the rows do not fit the table: " + "; ".join(found),
                code="DRV033",
                found="; ".join(found),
                expected="the columns of the table",
                fix=f"change the rows in a step before, set schema_drift: ignore, or {_DSN}",
            )
        self._notes += [f"column {name} is not in the table and was left out" for name in new]
        return [name for name in names if name not in new]

    def _taken(self, target: Target, watched: Watched) -> Iterator[pa.RecordBatch]:
        """All rows are held, so that nothing is sent of rows that turn out to be wrong."""
        held = 0
        for batch in watched:
            self._rest.stopped.check()
            held += batch.nbytes
            if target.mode == "append" and held > _ONE_REQUEST:
                raise _refused(f"an append of more than {_ONE_REQUEST >> 20} MiB would be more than one transaction")
            yield batch

    def _checked(self, target: Target, rows: pa.Table) -> pa.Table:
        held = _HeldRows(rows)
        if dropped := check_keys(held, target):
            self._notes.append(left_out(dropped, target.on_duplicate))
        return held.rows

    def _send(self, target: Target, names: list[str], rows: list[str]) -> int:
        """Send one request and check that the server wrote as many rows as it got."""
        upsert = target.mode == "upsert"
        parameters = {"columns": ",".join(map(in_select, names))}
        prefer = "return=minimal,count=exact"
        if upsert:
            parameters["on_conflict"] = ",".join(map(in_select, target.keys))
            prefer += ",resolution=merge-duplicates"
        answer = self._rest.post(target.table, parameters, rows, again=upsert, prefer=prefer)
        if answer.total is not None and answer.total != len(rows):
            raise DriverError(
                f"{self._rest.place}: {len(rows)} rows were sent and {answer.total} written",
                code="DRV076",
                found=str(answer.total),
                expected=str(len(rows)),
                fix="check triggers and policies of the table",
            )
        return len(rows)


class _HeldRows:
    """Rows whose keys can be checked as those of a staging table."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def nulls(self, keys: Sequence[str]) -> Iterator[int]:
        yield from (self.rows[key].null_count for key in keys)

    def repeated(self, keys: Sequence[str]) -> int:
        return sum(count > 1 for count in Counter(self._keys(keys)).values())

    def keep_one(self, keys: Sequence[str], kept: str) -> int:
        found = self._keys(keys)
        places = range(len(found)) if kept == "last" else reversed(range(len(found)))
        left = sorted({found[place]: place for place in places}.values())
        self.rows = self.rows.take(left)
        return len(found) - len(left)

    def _keys(self, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        return list(zip(*(self.rows[key].to_pylist() for key in keys), strict=True))


def _refused(reason: str) -> DriverError:
    return DriverError(
        f"this cannot be done over REST: {reason}",
        code="DRV075",
        found="a connection with only `url` and `key`",
        expected="a connection with the project's PostgreSQL address",
        fix=f"{_DSN}, or write with upsert",
    )

"""Reads Parquet files in bounded batches, and writes one file that appears as a whole."""

from __future__ import annotations

import difflib
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from osiris_dagster.drivers.base import TARGET_BATCH_BYTES, StepCall, WriteReport
from osiris_dagster.drivers.batches import converted, plain_schema, stream
from osiris_dagster.drivers.behind import Behind
from osiris_dagster.drivers.filesystem.files import (
    Sink,
    artifact,
    matching_files,
    project_path,
    replacing_file,
    target_path,
)
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError

_READ_AHEAD = 1 << 20  # bytes of a column read at once
_LEAST_ROWS, _MOST_ROWS = 64, 131_072
_SAMPLE = 20_000  # rows
_FEW = 0.1  # share of distinct values up to which a column repeats itself
_MIME = "application/vnd.apache.parquet"


class ParquetReading:
    """One reading of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stop = StopSign()
        self._rows: Generator[pa.RecordBatch] | None = None

    def schema(self) -> pa.Schema:
        """Return the columns of the first file; all files have the same."""
        return self._schema(matching_files(self._call))

    def read(self) -> pa.RecordBatchReader:
        """Open the files. They are read one after the other, some rows at a time."""
        paths = matching_files(self._call)
        schema = self._schema(paths)
        self._rows = self._batches(paths, schema)
        return stream(schema, self._rows)

    def cancel(self) -> None:
        """End the reading at the next batch."""
        self._stop.set()

    def close(self) -> None:
        """Close the file that is open. Idempotent."""
        if self._rows is not None:
            self._rows.close()

    def _batches(self, paths: list[Path], schema: pa.Schema) -> Generator[pa.RecordBatch]:
        left = self._call.config.get("limit")
        for path in paths:
            with self._opened(path) as file:
                batches = file.iter_batches(_rows_at_once(file), columns=schema.names)
                while left != 0:
                    self._stop.check()
                    with self._damage(path):
                        batch = next(batches, None)
                    if batch is None:
                        break
                    batch = converted(batch.select(schema.names), schema).slice(0, left)
                    left = None if left is None else left - batch.num_rows
                    yield batch

    def _schema(self, paths: list[Path]) -> pa.Schema:
        """Return the columns to read, in order; DriverError when the files differ or lack one."""
        first: pa.Schema | None = None
        for path in paths:
            with self._opened(path) as file:
                found = plain_schema(file.schema_arrow)
            if first is None:
                first = self._selected(found)
            else:
                _check_same(first, found, path)
        assert first is not None
        return first

    def _selected(self, schema: pa.Schema) -> pa.Schema:
        wanted = self._call.selected(schema.names)
        for name in wanted:
            if name not in schema.names:
                near = difflib.get_close_matches(name, schema.names, n=1)
                raise DriverError(
                    f"{project_path(self._call)} has no column {name!r}",
                    code="DRV045",
                    found=", ".join(schema.names[:20]),
                    expected=f"a column {name}",
                    fix=f"did you mean {near[0]}?" if near else "correct `columns`",
                )
        return pa.schema([schema.field(name) for name in wanted])

    @contextmanager
    def _opened(self, path: Path) -> Generator[pq.ParquetFile]:
        with self._damage(path):
            file = pq.ParquetFile(path, buffer_size=_READ_AHEAD, pre_buffer=False)
        with file:
            yield file

    @contextmanager
    def _damage(self, path: Path) -> Generator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise DriverError(
                f"{self._call.project.relative(path)} cannot be read: {error}",
                code="DRV043",
                found=str(error)[:200],
                expected="a complete Parquet file",
                fix="check how the file is made; write it again if it is cut off",
            ) from error


def _rows_at_once(file: pq.ParquetFile) -> int:
    meta = file.metadata
    size = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
    width = max(size // max(meta.num_rows, 1), 1)
    return int(max(_LEAST_ROWS, min(_MOST_ROWS, TARGET_BATCH_BYTES // width)))


def _check_same(first: pa.Schema, other: pa.Schema, path: Path) -> None:
    for field in first:
        kind = other.field(field.name).type if field.name in other.names else None
        if kind != field.type:
            raise DriverError(
                f"{path.name} has not the columns of the first file: {field.name!r} is "
                + (f"{kind} instead of {field.type}" if kind else "missing"),
                code="DRV033",
                found=str(kind or "no such column"),
                expected=str(field.type),
                fix="read files of one shape in one step",
            )


class ParquetWriting:
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stop = StopSign()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows, then rename; until then the old file is what it was."""
        schema = _stored(plain_schema(rows.schema))
        path = target_path(self._call)
        if self._call.config["write_mode"] != "replace":
            raise DriverError("a Parquet file can only be replaced", code="DRV022", fix="set write_mode: replace")
        with replacing_file(self._call, path) as sink:
            count = self._row_groups(rows, schema, sink)
        return WriteReport(count, (artifact(self._call, path, sink, _MIME),), rows_total=count)

    def cancel(self) -> None:
        """End the write at the next batch; the old file stays."""
        self._stop.set()

    def close(self) -> None:
        """Nothing outlives `write`."""

    def _row_groups(self, rows: pa.RecordBatchReader, schema: pa.Schema, sink: Sink) -> int:
        """Write a row group whenever enough rows or bytes have come; return the number of rows.

        A thread encodes one group while the steps before this one compute the next: neither waits for the other.
        """
        most_rows, most_bytes = self._call.config["row_group_rows"], self._call.config["row_group_bytes"]
        held: list[pa.RecordBatch] = []
        count = held_rows = held_bytes = 0
        with ExitStack() as stack:
            behind = None
            for batch in rows:
                self._stop.check()
                held.append(converted(batch, schema))
                held_rows += batch.num_rows
                held_bytes += batch.nbytes
                if held_rows >= most_rows or held_bytes >= most_bytes:
                    table = pa.Table.from_batches(held)
                    behind = behind or self._encoder(stack, sink, table)
                    behind.take(table)
                    count += held_rows
                    held, held_rows, held_bytes = [], 0, 0
            table = pa.Table.from_batches(held, schema)
            behind = behind or self._encoder(stack, sink, table)
            if held_rows:
                behind.take(table)
            behind.finish()
            self._stop.check()
        return count + held_rows

    def _encoder(self, stack: ExitStack, sink: Sink, first: pa.Table) -> Behind[pa.Table]:
        """Open the file, and a thread that writes to it; the thread ends before the file is closed."""
        writer = stack.enter_context(self._writer(sink, first))
        most_rows = self._call.config["row_group_rows"]
        return stack.enter_context(Behind(lambda group: writer.write_table(group, row_group_size=most_rows), "parquet"))

    def _writer(self, sink: Sink, first: pa.Table) -> pq.ParquetWriter:
        """Open the file; a dictionary costs time and space in columns whose first values hardly repeat."""
        sample = first.slice(0, _SAMPLE)
        repeating = [
            field.name
            for field, column in zip(first.schema, sample.columns, strict=True)
            if not pa.types.is_nested(field.type) and _distinct(column) <= _FEW * len(sample)
        ]
        codec = self._call.config["compression"]
        return pq.ParquetWriter(sink, first.schema, compression=codec, use_dictionary=repeating or False)


def _distinct(column: pa.ChunkedArray) -> int:
    kind = column.type
    if pa.types.is_null(kind):
        return 0
    if pa.types.is_float16(kind) or pa.types.is_decimal256(kind):
        return len(column)  # Arrow cannot tell
    return len(pc.unique(column))


def _stored(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the file; DriverError without columns or naming one that Parquet does not hold."""
    for field in schema:
        if reason := _not_storable(field.type):
            raise DriverError(
                f"column {field.name!r} of type {field.type} cannot be written to Parquet: {reason}",
                code="DRV010",
                found=str(field.type),
                expected="a type that Parquet holds exactly",
                fix="convert it in a step before",
            )
    if not schema.names:
        raise DriverError(
            "the rows have no columns",
            code="DRV037",
            found="no column",
            expected="at least one column",
            fix="select at least one column in the step before",
        )
    return pa.schema([field.with_type(_without_negative_scale(field.type)) for field in schema])


def _without_negative_scale(kind: pa.DataType) -> pa.DataType:
    if not pa.types.is_decimal(kind) or kind.scale >= 0:
        return kind
    digits = kind.precision - kind.scale
    return pa.decimal128(digits, 0) if digits <= 38 else pa.decimal256(digits, 0)


def _not_storable(kind: pa.DataType) -> str:
    if pa.types.is_interval(kind):
        return "it has no spans of months"
    if pa.types.is_struct(kind) and not kind.num_fields:
        return "a struct needs a field"
    if pa.types.is_decimal(kind) and kind.precision - kind.scale > 76:
        return "it has more than 76 digits"
    children = [kind.field(index).type for index in range(kind.num_fields)] if pa.types.is_nested(kind) else []
    if any(pa.types.is_decimal(child) and child.scale < 0 for child in children):
        return "a nested decimal needs digits after the point or none"
    return next((reason for child in children if (reason := _not_storable(child))), "")

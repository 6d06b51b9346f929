"""Batches on their way between a library and the steps: plain types, bounded size, and whatever ends with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.arrow import arrow_type, schema_of, type_name
from osiris_dagster.columns import Column
from osiris_dagster.drivers.base import TARGET_BATCH_BYTES
from osiris_dagster.errors import DriverError

_LARGEST = TARGET_BATCH_BYTES * 3 // 2
_SMALL = TARGET_BATCH_BYTES // 64
_GATHERED = TARGET_BATCH_BYTES // 8
_MOST_GATHERED = 256  # batches; rows without a single value weigh nothing
_LEAST_ROWS, _MOST_ROWS = 2_048, 131_072
_TEXT_GUESS = 48  # bytes of a text, binary or nested value nobody has seen yet


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with one layout per type (no views, dictionaries or extensions) and without metadata.

    Raises DriverError naming the column whose type is not carried.
    """
    columns = []
    for field in schema:
        try:
            columns.append(Column(field.name, type_name(field.type), field.nullable))
        except ValueError as error:
            raise DriverError(
                f"column {field.name!r} has a type that is not carried",
                code="DRV010",
                found=str(field.type),
                expected="a plain, nested or decimal type",
                fix="convert the column at the source, e.g. to text",
            ) from error
    return schema_of(tuple(columns))


def converted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with the types of `schema`, column by column in order; nothing is lost or the cast raises."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    arrays = [
        column if column.type == field.type else pc.cast(_storage(column), field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _storage(column: pa.Array) -> pa.Array:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def bounded(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches near TARGET_BATCH_BYTES: large ones sliced, tiny ones joined, empty ones gone.

    A batch is larger than 1.5 times the target only when a single row is.
    """
    gathered: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        size = batch.nbytes
        if batch.num_rows > 0 and size < _SMALL:
            gathered.append(batch)
            held += size
        if gathered and (size >= _SMALL or held >= _GATHERED or len(gathered) == _MOST_GATHERED):
            yield pa.concat_batches(gathered)
            gathered, held = [], 0
        if size >= _SMALL:
            yield from _sliced(batch, size)
    if gathered:
        yield pa.concat_batches(gathered)


def _sliced(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    if size <= _LARGEST or batch.num_rows == 1:
        yield batch
        return
    step = max(1, batch.num_rows * TARGET_BATCH_BYTES // size)
    if step >= batch.num_rows:
        step = batch.num_rows // 2
    for start in range(0, batch.num_rows, step):
        part = batch.slice(start, step)
        yield from _sliced(part, part.nbytes)


def rows_per_batch(schema: pa.Schema) -> int:
    """Return how many rows to ask a library for at once, from the widths of the types alone."""
    width = sum(_width(field.type) for field in schema) or 1
    return max(_LEAST_ROWS, min(_MOST_ROWS, TARGET_BATCH_BYTES // width))


def _width(kind: pa.DataType) -> int:
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return _TEXT_GUESS


def stream(schema: pa.Schema, batches: Iterator[pa.RecordBatch], most_rows: int | None = None) -> pa.RecordBatchReader:
    """Return the reader that hands out `batches` in plain types and bounded size, also in rows if that is asked for."""
    plain = plain_schema(schema)
    sized = bounded(converted(batch, plain) for batch in batches)
    return pa.RecordBatchReader.from_batches(plain, sized if most_rows is None else _short(sized, most_rows))


def _short(batches: Iterator[pa.RecordBatch], most_rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, most_rows):
            yield batch.slice(start, most_rows)


class Watched:
    """A reader given to a library that hides where errors come from: counts its rows and keeps its exception."""

    def __init__(
        self, rows: pa.RecordBatchReader, schema: pa.Schema, check: Callable[[pa.RecordBatch], None] | None = None
    ) -> None:
        """`schema` is what the library gets; `check` sees each batch before it is converted."""
        self.rows = 0
        self.error: BaseException | None = None
        self.schema = schema
        self._source = rows
        self._check = check

    def reader(self) -> pa.RecordBatchReader:
        """Return the reader for the library."""
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            batch = self._source.read_next_batch()
            if self._check is not None:
                self._check(batch)
            batch = converted(batch, self.schema)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise
        self.rows += batch.num_rows
        return batch


def spooled(rows: Watched, file: Path) -> pa.RecordBatchReader:
    """Read all rows now, into a file, and return a reader of it. DriverError when the disk is full."""
    try:
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
    except OSError as error:
        if rows.error is not None:
            raise
        raise DriverError(
            f"the rows cannot be set aside: {error.strerror or error}",
            code="DRV026",
            found=f"{rows.rows} rows read so far",
            expected="room for all rows in the scratch folder",
            fix="free disk space and run the step again",
            retryable="transient",
        ) from error
    return pa.ipc.open_stream(pa.OSFile(str(file), "rb"))


def name_of_type(kind: pa.DataType) -> str:
    """Return our name of an Arrow type, empty for one that is not carried."""
    try:
        return type_name(kind)
    except ValueError:
        return ""


def arrow_type_of(name: str, column: str) -> pa.DataType:
    """Return the Arrow type of a type name from a configuration; DriverError naming the column for no such type."""
    try:
        return arrow_type(name)
    except (ValueError, IndexError) as error:
        raise DriverError(
            f"column {column!r}: {name!r} is not a type",
            code="DRV011",
            found=name,
            expected="a type name such as int64, decimal(12,2), timestamp or string",
            fix="see the type table in the documentation",
        ) from error

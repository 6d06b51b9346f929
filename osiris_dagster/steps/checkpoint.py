"""Rows kept in a private file between units: batches in once, batches out for each reader."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from osiris_dagster.drivers.base import TARGET_BATCH_BYTES
from osiris_dagster.errors import RunError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file that holds all rows of one step; any number of readers at a time."""

    path: Path
    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches of about TARGET_BATCH_BYTES; the file is open only meanwhile."""
        return _parquet_batches(self.path) if self.path.suffix == ".parquet" else _arrow_batches(self.path)


def keep(rows: Iterable[pa.RecordBatch], schema: pa.Schema, stem: Path) -> Checkpoint:
    """Write rows to a new file beside `stem` that only its owner may read.

    Raises RunError for a fault of the disk, with the free space; what `rows` raises passes through.
    """
    parquet = _parquet_carries(schema)
    path = stem.with_name(stem.name + (".parquet" if parquet else ".arrow"))
    with _disk_faults(path):
        path.touch(mode=0o600, exist_ok=False)
        writer = _parquet_writer(path, schema) if parquet else ipc.new_file(str(path), schema)
    try:
        for batch in _regrouped(rows):
            with _disk_faults(path):
                writer.write_batch(batch)
    except BaseException:
        with suppress(OSError):
            writer.close()
        raise
    with _disk_faults(path):
        writer.close()
    return Checkpoint(path, schema)


def _parquet_carries(schema: pa.Schema) -> bool:
    """Tell whether Parquet brings back every type: not intervals, second units, negative scales, empty structs."""
    sink = pa.BufferOutputStream()
    try:
        pq.ParquetWriter(sink, schema).close()
    except (pa.ArrowNotImplementedError, OSError):
        return False
    return bool(pq.read_schema(pa.BufferReader(sink.getvalue())).equals(schema))


def _parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Measured on a local disk, write and read: LZ4 takes 1.6 times as long as no compression, zstd twice.
    return pq.ParquetWriter(str(path), schema, compression="none", use_dictionary=False, write_statistics=False)


def _regrouped(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in batches of half to one TARGET_BATCH_BYTES, which become row groups."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        held.append(batch)
        size += batch.nbytes
        del batch
        if size >= TARGET_BATCH_BYTES // 2:
            yield from _halved(held)
            held, size = [], 0
    yield from _halved(held)


def _halved(held: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in one batch, or in halves as often as needed: a few rows may hold most of the bytes."""
    parts = pa.Table.from_batches(held).combine_chunks().to_batches() if held else []
    parts.reverse()
    while parts:
        part = parts.pop()
        if part.nbytes <= TARGET_BATCH_BYTES or part.num_rows == 1:
            yield part
        else:
            middle = part.num_rows // 2
            parts += [part.slice(middle), part.slice(0, middle)]


def _parquet_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(str(path)) as file:
        for group in range(file.num_row_groups):
            rows = max(file.metadata.row_group(group).num_rows, 1)
            yield from file.iter_batches(batch_size=rows, row_groups=[group], use_threads=False)


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as file:
        reader = ipc.open_file(file)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)


@contextmanager
def _disk_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
        raise RunError(
            f"rows could not be kept in {path}, where {free} bytes are free: {error}",
            code="RUN020",
            fix="free space there",
        ) from error


class Kept:
    """The checkpoints of one execution; each file goes when its last reader is through."""

    def __init__(self, reads: Iterable[str]) -> None:
        self._readers = Counter(reads)
        self._checkpoints: dict[str, Checkpoint] = {}
        self._lock = threading.Lock()

    def add(self, step_id: str, checkpoint: Checkpoint) -> None:
        """Keep the rows of a step for its readers."""
        with self._lock:
            self._checkpoints[step_id] = checkpoint

    def of(self, step_id: str) -> Checkpoint:
        """Return the rows of a step; KeyError when nobody kept them."""
        with self._lock:
            return self._checkpoints[step_id]

    def read(self, step_ids: Iterable[str]) -> None:
        """A reader of these steps is through, or will never run."""
        with self._lock:
            for step_id in step_ids:
                self._readers[step_id] -= 1
                if not self._readers[step_id] and (checkpoint := self._checkpoints.pop(step_id, None)):
                    with suppress(OSError):
                        checkpoint.path.unlink()

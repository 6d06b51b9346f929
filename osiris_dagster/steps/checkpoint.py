"""Keeps rows in a file between steps, Parquet where it carries the types, else Arrow. Local files are private."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from osiris_dagster.drivers.base import TARGET_BATCH_BYTES
from osiris_dagster.errors import RunError
from osiris_dagster.steps.place import Place


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file that holds all rows of one step; any number of readers at a time."""

    path: Place
    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches of about TARGET_BATCH_BYTES; the file is open only meanwhile."""
        return _parquet_batches(self.path) if self.path.suffix == ".parquet" else _arrow_batches(self.path)


def keep(rows: Iterable[pa.RecordBatch], schema: pa.Schema, stem: Place) -> Checkpoint:
    """Write rows to a new file beside `stem`; a local one only its owner may read.

    Raises RunError for a fault of the disk, with the free space; what `rows` raises passes through.
    """
    parquet = _parquet_carries(schema)
    path = stem.with_name(stem.name + (".parquet" if parquet else ".arrow"))
    with _disk_faults(path):
        sink = _created(path)
        writer = _parquet_writer(sink, schema) if parquet else ipc.new_file(sink, schema)
    try:
        for batch in _regrouped(rows):
            with _disk_faults(path):
                writer.write_batch(batch)
    except BaseException:
        with suppress(OSError):
            _close(writer, sink)
            path.unlink()
        raise
    with _disk_faults(path):
        _close(writer, sink)
    return Checkpoint(path, schema)


def open_checkpoint(path: Place) -> Checkpoint:
    """Return the checkpoint in a file that `keep` wrote. OSError when it is gone, ArrowInvalid when it is damaged."""
    with _opened(path) as file:
        return Checkpoint(path, pq.read_schema(file) if path.suffix == ".parquet" else ipc.open_file(file).schema)


def _created(path: Place) -> Any:
    """Return what Arrow writes a new file to: the name of a local one, which Arrow writes itself, else a stream."""
    if isinstance(path, Path):
        path.touch(mode=0o600, exist_ok=False)
        return str(path)
    return path.open("wb")


def _close(writer: Any, sink: Any) -> None:
    writer.close()
    if not isinstance(sink, str):
        sink.close()  # an object store has nothing before this


def _opened(path: Place) -> AbstractContextManager[Any]:
    return pa.OSFile(str(path)) if isinstance(path, Path) else path.open("rb")


def _parquet_carries(schema: pa.Schema) -> bool:
    """Tell whether Parquet brings back every type: not intervals, second units, negative scales, empty structs."""
    sink = pa.BufferOutputStream()
    try:
        pq.ParquetWriter(sink, schema).close()
    except (pa.ArrowNotImplementedError, OSError):
        return False
    return bool(pq.read_schema(pa.BufferReader(sink.getvalue())).equals(schema))


def _parquet_writer(sink: Any, schema: pa.Schema) -> pq.ParquetWriter:
    # Measured on a local disk, write and read: LZ4 takes 1.6 times as long as no compression, zstd twice.
    return pq.ParquetWriter(sink, schema, compression="none", use_dictionary=False, write_statistics=False)


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


def _parquet_batches(path: Place) -> Iterator[pa.RecordBatch]:
    with _opened(path) as source, pq.ParquetFile(source) as file:
        for group in range(file.num_row_groups):
            rows = max(file.metadata.row_group(group).num_rows, 1)
            yield from file.iter_batches(batch_size=rows, row_groups=[group], use_threads=False)


def _arrow_batches(path: Place) -> Iterator[pa.RecordBatch]:
    with _opened(path) as file:
        reader = ipc.open_file(file)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)


@contextmanager
def _disk_faults(path: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        local = path.parent if isinstance(path, Path) and path.parent.is_dir() else None
        free = f", where {shutil.disk_usage(local).free} bytes are free" if local else ""
        raise RunError(
            f"rows could not be kept in {path}{free}: {error}",
            code="RUN020",
            fix="free space there",
        ) from error


class Kept:
    """The checkpoints of one execution; each file goes when its last reader is through, unless it is to last."""

    def __init__(self, reads: Iterable[str], lasting: Mapping[str, Checkpoint] | None = None) -> None:
        self._readers = Counter(reads)
        self._checkpoints = dict(lasting or {})
        self._lasting = set(self._checkpoints)
        self._lock = threading.Lock()

    def add(self, step_id: str, checkpoint: Checkpoint, *, lasting: bool = False) -> None:
        """Keep the rows of a step for its readers."""
        with self._lock:
            self._checkpoints[step_id] = checkpoint
            if lasting:
                self._lasting.add(step_id)

    def of(self, step_id: str) -> Checkpoint:
        """Return the rows of a step; KeyError when nobody kept them."""
        with self._lock:
            return self._checkpoints[step_id]

    def read(self, step_ids: Iterable[str]) -> None:
        """A reader of these steps is through, or will never run."""
        with self._lock:
            for step_id in step_ids:
                self._readers[step_id] -= 1
                if self._readers[step_id] or step_id in self._lasting:
                    continue
                if checkpoint := self._checkpoints.pop(step_id, None):
                    with suppress(OSError):
                        checkpoint.path.unlink()

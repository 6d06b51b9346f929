"""Writes a CSV file that takes the place of the old one at once; appending means old bytes and new ones."""

from __future__ import annotations

import codecs
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import converted, plain_schema
from osiris_dagster.drivers.filesystem.appends import Append, committed_rows, intend
from osiris_dagster.drivers.filesystem.compression import compressing, method_of
from osiris_dagster.drivers.filesystem.csv_decode import decoded
from osiris_dagster.drivers.filesystem.csv_format import check_writable, header_line, lines
from osiris_dagster.drivers.filesystem.csv_options import ReadOptions, write_options
from osiris_dagster.drivers.filesystem.csv_text import CsvText
from osiris_dagster.drivers.filesystem.files import Sink, artifact, project_path, replacing_file, target_path
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError

_CHUNK = 1 << 20
_MIME = {"gzip": "application/gzip", "bz2": "application/x-bzip2", "xz": "application/x-xz", "zip": "application/zip"}


class CsvWriting:
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._options = write_options(call.config)
        self._name = project_path(call)
        self._stop = StopSign()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows, then rename; until then the old file is what it was."""
        schema = plain_schema(rows.schema)
        if not schema.names:
            raise DriverError(
                "the rows have no columns",
                code="DRV037",
                found="no column",
                expected="at least one column",
                fix="select at least one column in the step before",
            )
        check_writable(schema)
        path = target_path(self._call)
        if self._options.append and (done := committed_rows(self._call, path)) is not None:
            return WriteReport(done, notes=("already appended by an earlier try of this load",))
        method = method_of(self._options.compression, path)
        continued = self._options.append and path.is_file() and path.stat().st_size > 0
        if continued:
            self._check_old(path, method, schema.names)
        with replacing_file(self._call, path) as sink:
            before = _copied(path, sink) if continued else sink.sha256
            with compressing(sink, method, path.with_suffix("").name) as plain:
                text = _Encoded(plain, self._options.encoding, self._name, continued=continued)
                if continued and not _ends_with_line_end(path, self._options.read_back):
                    text.write(self._options.newline.encode())
                elif self._options.header and not continued:
                    text.write(header_line(schema.names, self._options))
                count = self._all_lines(rows, schema, text)
            if self._options.append:
                intend(self._call, path, Append(self._call.run_id, before, sink.sha256, count))
        return WriteReport(count, (artifact(self._call, path, sink, _MIME.get(method, "text/csv")),))

    def cancel(self) -> None:
        """End the write at the next batch; the old file stays."""
        self._stop.set()

    def close(self) -> None:
        """Nothing outlives `write`."""

    def _all_lines(self, rows: pa.RecordBatchReader, schema: pa.Schema, text: _Encoded) -> int:
        count = 0
        for batch in rows:
            self._stop.check()
            if batch.num_rows:
                plain = converted(batch, schema)
                text.write(lines(plain, self._options), plain)
                count += batch.num_rows
        self._stop.check()
        return count

    def _check_old(self, path: Path, method: str, names: list[str]) -> None:
        """Raise DriverError when the rows cannot be put behind those of the file."""
        if method == "zip":
            raise DriverError(
                "a zip archive cannot be appended to",
                code="DRV022",
                found="compression zip with write_mode append",
                expected="none, gzip, bz2 or xz",
                fix="choose another compression, or write_mode: replace",
            )
        with closing(CsvText(path, self._options.read_back)) as text:
            there = text.names
        if there == names or (not self._options.header and len(there) == len(names)):
            return
        raise DriverError(
            f"the columns of {self._name} are not those of the rows",
            code="DRV033",
            found=", ".join(names),
            expected=", ".join(there) if self._options.header else f"{len(there)} columns",
            fix="select the columns of the file in its order in the step before",
        )


class _Encoded:
    """Takes UTF-8 text and writes it in the encoding of the file."""

    def __init__(self, plain: BinaryIO, encoding: str, name: str, *, continued: bool) -> None:
        self._plain = plain
        self._encoding = encoding
        self._name = name
        self._encoder = None if encoding == "utf-8" else codecs.getincrementalencoder(encoding)()
        if self._encoder is not None and continued and encoding == "utf-16":
            self._encoder.encode("x")  # takes the byte order mark out of the way: the file has one

    def write(self, text: bytes, batch: pa.RecordBatch | None = None) -> None:
        """Write text that `batch` was made into; DriverError naming the column that the encoding cannot hold."""
        if self._encoder is not None:
            try:
                text = self._encoder.encode(text.decode())
            except UnicodeEncodeError as error:
                raise self._not_encodable(error, batch) from error
        self._plain.write(text)

    def _not_encodable(self, error: UnicodeEncodeError, batch: pa.RecordBatch | None) -> DriverError:
        char = error.object[error.start]
        held = [] if batch is None else [name for name in batch.schema.names if _holds(batch.column(name), char)]
        where = f"column {held[0]!r}" if held else "the header"
        return DriverError(
            f"{self._name}: {where} holds {char!r}, which {self._encoding} does not know",
            code="DRV048",
            found=f"U+{ord(char):04X}",
            expected=f"characters of {self._encoding}",
            fix="set encoding: utf-8, or replace the character in a step before",
        )


def _holds(column: pa.Array, char: str) -> bool:
    return bool(pa.types.is_string(column.type) and pc.any(pc.match_substring(column, char)).as_py())


def _copied(path: Path, sink: Sink) -> str:
    """Copy a file into the sink and return its digest."""
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            sink.write(data)
    return sink.sha256


def _ends_with_line_end(path: Path, options: ReadOptions) -> bool:
    last = b""
    for chunk in decoded(path, options):
        last = chunk
    return last.endswith((b"\n", b"\r"))

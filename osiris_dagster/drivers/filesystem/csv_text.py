"""Finds the header of a CSV file, and cuts its text into blocks that end where a record seems to end."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from osiris_dagster.drivers.filesystem.csv_decode import decoded, not_encoded
from osiris_dagster.drivers.filesystem.csv_options import ReadOptions
from osiris_dagster.errors import DriverError

_LARGEST_RECORD = 256 << 20


class CsvText:
    """One pass over the text of a file. `names` is the header."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Open the file and read up to its first row of data. DriverError when the file has no record."""
        self._path = path
        self._options = options
        self._chunks = decoded(path, options)
        self._held = next(self._chunks, b"")
        self._newline = b"\r" if b"\r" in self._held and b"\n" not in self._held else b"\n"
        self.names = self._head()

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield the rows in blocks of whole records, as far as counting quotes can tell; the last may lack a line end.

        Quotes come in pairs unless a field that is not quoted holds one. So whoever parses a block has to look
        whether its last record is complete, and to join the block to the next one if it is not.
        """
        begun, quotes = [self._held], self._held.count(b'"')  # of a record whose end is not in sight
        for chunk in self._chunks:
            quotes += chunk.count(b'"')
            if end := self._last_end(chunk, quotes):
                yield b"".join((*begun, memoryview(chunk)[:end]))
                begun = [chunk[end:]]
                quotes = begun[0].count(b'"')
            else:
                begun.append(chunk)
                if sum(map(len, begun)) > _LARGEST_RECORD:
                    raise self._fault("a record has more than 256 MiB", "close the quote that was left open")
        if last := b"".join(begun):
            yield last

    def _head(self) -> list[str]:
        """Skip what comes before the header and return the names; without a header, make some."""
        for _ in range(self._options.skip_rows):
            self._take(self._line_end)
        record = self._record()
        if self._options.header is None:
            self._held = record + self._held
            return [f"column{number}" for number in range(self._field_count(record))]
        for _ in range(self._options.header):
            record = self._record()
        return _unique(self._fields(record))

    def _record(self) -> bytes:
        while record := self._take(self._first_end):
            if record.strip() or not self._options.skip_blank_lines:
                return record
        raise self._fault("the file has no header", "check how the file is made, or remove the step")

    def _take(self, end_of: Callable[[bytes], int]) -> bytes:
        """Take text from the front, up to the end that `end_of` finds or all there is."""
        while not (end := end_of(self._held)):
            chunk = next(self._chunks, b"")
            if not chunk:
                end = len(self._held)
                break
            self._held += chunk
        taken, self._held = self._held[:end], self._held[end:]
        return taken

    def _line_end(self, text: bytes) -> int:
        return text.find(self._newline) + 1

    def _first_end(self, text: bytes) -> int:
        """Return the end of the first line before which quotes come in pairs, 0 without one."""
        quotes = start = 0
        while (line_end := text.find(self._newline, start) + 1) > 0:
            quotes += text.count(b'"', start, line_end)
            if quotes % 2 == 0:
                return line_end
            start = line_end
        return 0

    def _last_end(self, text: bytes, quotes: int) -> int:
        """Return the end of the last line before which `quotes`, counted to the end, come in pairs; 0 without one."""
        end = len(text)
        while (line_end := text.rfind(self._newline, 0, end)) >= 0:
            quotes -= text.count(b'"', line_end, end) if quotes else 0
            if quotes % 2 == 0:
                return line_end + 1
            end = line_end
        return 0

    def _fields(self, record: bytes) -> list[str]:
        try:
            lines = record.decode().splitlines(keepends=True)
            return next(csv.reader(lines, delimiter=self._options.delimiter), [])
        except UnicodeDecodeError as error:
            raise not_encoded(self._path, self._options.encoding, error) from error
        except csv.Error as error:
            raise self._fault(f"the header cannot be read: {error}", "check `delimiter` and `skip_rows`") from error

    def _field_count(self, record: bytes) -> int:
        table = pacsv.read_csv(
            pa.BufferReader(record),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(record), autogenerate_column_names=True),
            parse_options=pacsv.ParseOptions(delimiter=self._options.delimiter, newlines_in_values=True),
        )
        return int(table.num_columns)

    def _fault(self, message: str, fix: str) -> DriverError:
        return DriverError(
            f"{self._path.name}: {message}", code="DRV044", found=message, expected="a well-formed CSV file", fix=fix
        )


def _unique(fields: list[str]) -> list[str]:
    """Return the names of a header; a missing or repeated one gets a number.

    >>> _unique(["id", "", "id"])
    ['id', 'column1', 'id_1']
    """
    names: list[str] = []
    for number, field in enumerate(fields):
        plain = unique = field or f"column{number}"
        count = 0
        while unique in names:
            count += 1
            unique = f"{plain}_{count}"
        names.append(unique)
    return names

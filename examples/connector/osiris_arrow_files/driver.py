"""An Arrow file in, bounded batches out; rows in, an Arrow file out that appears as a whole."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Generator
from pathlib import Path

import pyarrow as pa

from osiris_dagster.atomic import replacing
from osiris_dagster.drivers.base import Artifact, StepCall, WriteReport
from osiris_dagster.drivers.batches import plain_schema, stream
from osiris_dagster.drivers.roles import RoleDriver
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError

_MIME = "application/vnd.apache.arrow.file"


class ArrowDriver(RoleDriver):
    """Runs `arrow.extractor` and `arrow.writer`; opens nothing before its first method."""

    def __init__(self, call: StepCall) -> None:
        work = ArrowReading if call.component == "arrow.extractor" else ArrowWriting
        super().__init__(call.component, work(call))


class ArrowReading:
    """One reading of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stop = StopSign()
        self._rows: Generator[pa.RecordBatch] | None = None

    def schema(self) -> pa.Schema:
        """Return the columns that are read; DriverError when one that the step names is not there."""
        with open_file(self._call) as reader:
            return self._selected(plain_schema(reader.schema))

    def read(self) -> pa.RecordBatchReader:
        """Open the file; its batches are read one after the other."""
        schema = self.schema()
        self._rows = self._batches(schema)
        return stream(schema, self._rows)

    def cancel(self) -> None:
        """End the reading at the next batch."""
        self._stop.set()

    def close(self) -> None:
        """Close the file."""
        if self._rows is not None:
            self._rows.close()

    def _batches(self, schema: pa.Schema) -> Generator[pa.RecordBatch]:
        left = self._call.config.get("limit")
        with open_file(self._call) as reader:
            for number in range(reader.num_record_batches):
                self._stop.check()
                batch = reader.get_batch(number).select(schema.names).slice(0, left)
                left = None if left is None else left - batch.num_rows
                yield batch

    def _selected(self, schema: pa.Schema) -> pa.Schema:
        wanted = self._call.selected(schema.names)
        for name in wanted:
            if name not in schema.names:
                near = difflib.get_close_matches(name, schema.names, n=1)
                raise DriverError(
                    f"{shown(self._call)} has no column {name!r}",
                    code="DRV045",
                    found=", ".join(schema.names[:20]),
                    expected=f"a column {name}",
                    fix=f"did you mean {near[0]}?" if near else "correct `columns`",
                )
        return pa.schema([schema.field(name) for name in wanted])


class ArrowWriting:
    """One write of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._stop = StopSign()

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows to a file beside the target, which then takes its place."""
        if not rows.schema.names:
            raise DriverError("the rows have no columns", code="DRV037", fix="hand on at least one column")
        target, written = self._call.project.inside(shown(self._call)), 0
        with replacing(target) as temporary:
            with pa.ipc.new_file(str(temporary), plain_schema(rows.schema)) as file:
                for batch in rows:
                    self._stop.check()
                    file.write_batch(batch)
                    written += batch.num_rows
            artifact = self._artifact(temporary)
            self._stop.check()
        return WriteReport(written, (artifact,), rows_total=written)

    def cancel(self) -> None:
        """End the write at the next batch."""
        self._stop.set()

    def close(self) -> None:
        """Nothing stays open."""

    def _artifact(self, path: Path) -> Artifact:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Artifact(shown(self._call), path.stat().st_size, digest, _MIME)


def shown(call: StepCall) -> str:
    """Return the file of a step, relative to the project, as messages show it."""
    folder = call.config.get("folder") or call.connection.get("folder") or ""
    return Path(folder, call.config["path"]).as_posix()


def open_file(call: StepCall) -> pa.ipc.RecordBatchFileReader:
    """Open the file of a step; DriverError without one, ConfigError when it leads out of the project."""
    path = call.project.inside(shown(call))
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except FileNotFoundError:
        raise DriverError(
            f"there is no file {shown(call)} to read",
            code="DRV040",
            found="no such file",
            expected="an existing file below the project",
            fix="check `path`, or run first what makes the file",
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise DriverError(
            f"{shown(call)} cannot be read",
            code="DRV043",
            found=str(error)[:200],
            expected="a complete Arrow file",
            fix="check how the file is made; write it again if it is cut off",
        ) from error

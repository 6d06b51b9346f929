"""Runs the SELECT of a processor in a private DuckDB that can reach nothing but its inputs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.base import StepCall, TransformInput
from osiris_dagster.drivers.batches import Watched, rows_per_batch, stream
from osiris_dagster.drivers.duckdb.faults import check_syntax, named_faults
from osiris_dagster.drivers.duckdb.session import Switch
from osiris_dagster.drivers.duckdb.types import carried, check_exported, export_check, import_check
from osiris_dagster.drivers.tables.reading import refused
from osiris_dagster.sql.duckdb_reader import check_step, without_end
from osiris_dagster.sql.quoting import literal, quoted
from osiris_dagster.sql.refusal import SqlRefusedError

_SPILL_SHARE = 0.8  # of the disk space that is free when the step starts
_AHEAD = "8MB"  # rows that DuckDB computes while the steps after it are busy


class Transformation:
    """One query of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._switch = Switch()
        self._reader: pa.RecordBatchReader | None = None

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Bind the query to the inputs; they are read while the result is, or before it if it needs them twice."""
        query = _one_select(self._call.config["query"])
        session = self._switch.add(duckdb.connect())
        with named_faults():
            session.execute(_lock_down(self._call))
        watched = [self._offer(session, number, source) for number, source in enumerate(inputs)]
        with named_faults(*watched):
            relation = session.sql(query)
            check_exported(relation.columns, relation.types)
            schema = relation.limit(0).to_arrow_table().schema  # pulls no row
        return stream(schema, self._batches(relation, schema, watched))

    def _offer(self, session: duckdb.DuckDBPyConnection, number: int, source: TransformInput) -> Watched:
        """Make an input known under all its names. A reader can be read once: only one scan takes it as it comes."""
        schema = carried(source.rows.schema)
        watched = Watched(source.rows, schema, import_check(source.rows.schema))
        name = quoted(f"osiris input {number}")
        self._switch.stopped.check()
        with named_faults(watched):
            if source.scans == 1:
                session.register(f"osiris input {number}", watched.reader())
            else:
                session.register("osiris rows", watched.reader())
                session.execute(f'create table {name} as from "osiris rows"')
                session.unregister("osiris rows")
            for alias in source.names:
                session.execute(f"create temp view {quoted(alias)} as from {name}")
        return watched

    def _batches(
        self, relation: duckdb.DuckDBPyRelation, schema: pa.Schema, watched: list[Watched]
    ) -> Iterator[pa.RecordBatch]:
        """The query starts with the first batch: making a reader computes whatever comes before the first row."""
        check = export_check(schema)
        self._switch.stopped.check()
        with named_faults(*watched):
            reader = self._reader = relation.to_arrow_reader(rows_per_batch(schema))
        while True:
            self._switch.stopped.check()
            with named_faults(*watched):
                batch = next(reader, None)
            if batch is None:
                return
            if check is not None:
                check(batch)
            yield batch

    def cancel(self) -> None:
        """Interrupt the query."""
        self._switch.cancel()

    def close(self) -> None:
        """Free the memory and the spill files. Idempotent."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._switch.close()


def _one_select(query: str) -> str:
    check_syntax(query)
    try:
        check_step(query)
    except SqlRefusedError as fault:
        raise refused(fault) from None
    return without_end(query)


def _lock_down(call: StepCall) -> str:
    spill = call.scratch / "duckdb"
    settings = {
        "TimeZone": literal("UTC"),
        "memory_limit": literal(call.config["memory_limit"]),
        "temp_directory": literal(str(spill)),
        "max_temp_directory_size": literal(f"{_spill_bytes(call.scratch)}B"),
        "streaming_buffer_size": literal(_AHEAD),
        "preserve_insertion_order": "true",
        "enable_progress_bar": "false",
        "python_enable_replacements": "false",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    if call.config.get("threads"):
        settings = {"threads": str(int(call.config["threads"])), **settings}
    return ";".join(f"set {name} = {value}" for name, value in settings.items())


def _spill_bytes(folder: Path) -> int:
    return int(shutil.disk_usage(folder).free * _SPILL_SHARE)

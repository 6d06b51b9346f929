"""The columns that checks have to see as a whole, kept in a DuckDB file of one step; memory stays bounded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from osiris_dagster.compiler.checks import THIS, counting
from osiris_dagster.drivers.batches import converted
from osiris_dagster.drivers.duckdb.types import carried
from osiris_dagster.sql.quoting import literal, quoted
from osiris_dagster.steps.checkpoint import Checkpoint

MEMORY_LIMIT = "512MB"  # beyond it DuckDB uses the disk
_BATCH = "osiris batch"
_OTHER = "osiris_other"


class CheckTable:
    """Rows of one step, some of its columns; reaches nothing but its own folder."""

    def __init__(self, schema: pa.Schema, folder: Path) -> None:
        """Make the table in a new folder. Raises DriverError for a type that DuckDB does not hold."""
        self._schema = carried(schema)
        self._folder = folder
        folder.mkdir(mode=0o700)
        self._session = duckdb.connect(folder / "rows.duckdb")
        for name, value in (
            ("TimeZone", "UTC"),
            ("memory_limit", MEMORY_LIMIT),
            ("temp_directory", str(folder / "spill")),
            ("preserve_insertion_order", "false"),
            ("enable_progress_bar", "false"),
            ("python_enable_replacements", "false"),
            ("autoload_known_extensions", "false"),
            ("autoinstall_known_extensions", "false"),
            ("enable_external_access", "false"),
            ("lock_configuration", "true"),
        ):
            self._session.execute(f"set {name} = {literal(value)}")
        self._session.register(_BATCH, self._schema.empty_table())
        self._session.execute(f"create table {THIS} as from {quoted(_BATCH)}")

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep the rows of a batch that has at least the table's columns."""
        rows = converted(batch.select(self._schema.names), self._schema)
        self._session.register(_BATCH, pa.Table.from_batches([rows]))
        self._session.execute(f"insert into {THIS} from {quoted(_BATCH)}")
        self._session.unregister(_BATCH)

    def duplicates(self, columns: Sequence[str]) -> tuple[int, int]:
        """Return how many values occur more than once, and in how many rows; NULL is no value."""
        names = [quoted(name) for name in columns]
        present = " and ".join(f"{name} is not null" for name in names)
        groups = f"select count(*) as n from {THIS} where {present} group by {', '.join(names)} having count(*) > 1"
        values, rows = self._numbers(f"select count(*), coalesce(sum(n), 0) from ({groups})")
        return values, rows

    def rows_of(self, query: str) -> int:
        """Return how many rows a query gives; duckdb.Error when it fails on the values."""
        return self._numbers(counting(query))[0]

    def rows_without(self, column: str, kept: Checkpoint, other: str) -> int:
        """Return how many rows have a value in `column` that no kept row has in `other`."""
        field = carried(pa.schema([kept.schema.field(other)]))
        self._session.register(_BATCH, field.empty_table())
        self._session.execute(f"create or replace temp table {_OTHER} as from {quoted(_BATCH)}")
        for batch in kept.batches():
            rows = converted(batch.select([other]), field)
            self._session.register(_BATCH, pa.Table.from_batches([rows]))
            self._session.execute(f"insert into {_OTHER} from {quoted(_BATCH)}")
        self._session.unregister(_BATCH)
        same = f"o.{quoted(other)} = t.{quoted(column)}"
        without = f"not exists (select 1 from {_OTHER} o where {same})"
        return self._numbers(f"select count(*) from {THIS} t where t.{quoted(column)} is not null and {without}")[0]

    def _numbers(self, query: str) -> list[int]:
        return [int(number) for number in self._session.execute(query).fetchall()[0]]

    def cancel(self) -> None:
        """Interrupt the statement under way."""
        self._session.interrupt()

    def close(self) -> None:
        """Forget the rows."""
        self._session.close()
        shutil.rmtree(self._folder, ignore_errors=True)

"""Rows of a partition, and the first that is of another one; whatever the type of the column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import RunError
from osiris_dagster.oml.partition import Partition
from osiris_dagster.steps.checks.partition_rows import rows_of_partition

PRAGUE = ZoneInfo("Europe/Prague")
SPRING = Partition(("2026-03-29",), datetime(2026, 3, 29, tzinfo=PRAGUE), datetime(2026, 3, 30, tzinfo=PRAGUE))
HOUR = Partition(
    ("2026-01-01-05:00",), datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 1, 1, 6, tzinfo=UTC), hourly=True
)
WRITER = StepPlan("out", "duckdb.writer", "1.0.0", "writer", {"partition_column": "p", "write_mode": "replace"})
CASES = [
    (SPRING, "date", pa.date32(), [date(2026, 3, 29)], date(2026, 3, 30), "2026-03-30"),
    (SPRING, "timestamp", pa.timestamp("us"), [datetime(2026, 3, 29), datetime(2026, 3, 29, 23, 59)],
     datetime(2026, 3, 28, 23, 59), "2026-03-28 23:59"),
    (SPRING, "timestamptz[ns]", pa.timestamp("ns", "UTC"),
     [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 21, 59, tzinfo=UTC)],
     datetime(2026, 3, 29, 22, tzinfo=UTC), "2026-03-29 22:00"),
    (HOUR, "timestamp[s]", pa.timestamp("s"), [datetime(2026, 1, 1, 5)], datetime(2026, 1, 1, 6), "06:00:00"),
    (Partition(("cz", "de")), "string", pa.string(), ["cz", "de"], "CZ", "p = CZ"),
    (Partition(("7", "1000")), "int8", pa.int8(), [7], 8, "p = 8"),
    (Partition(("7",)), "uint64", pa.uint64(), [7], 2**64 - 1, "p = 18446744073709551615"),
    (Partition(("cz",)), "string", pa.string(), ["cz"], None, "p = NULL"),
]  # fmt: skip


@pytest.mark.parametrize(("partition", "name", "kind", "inside", "outside", "told"), CASES)
def test_rows_of_the_partition_pass_and_the_first_other_one_is_told(partition, name, kind, inside, outside, told):
    rows = rows_of_partition(WRITER, (Column("p", name),), partition)
    rows.see(pa.record_batch({"p": pa.array(inside, kind)}))
    rows.see(pa.record_batch({"p": pa.array([], kind)}))
    with pytest.raises(RunError, match="1 of") as caught:
        rows.see(pa.record_batch({"p": pa.array([*inside, outside], kind)}))
    assert caught.value.first.code == "RUN083"
    assert told in caught.value.first.message
    rows.end()


@pytest.mark.parametrize(
    ("partition", "column"),
    [
        (SPRING, Column("p", "string")),
        (HOUR, Column("p", "date")),
        (Partition(("cz",)), Column("p", "int64")),
        (Partition(("cz",)), Column("p", "date")),
        (SPRING, Column("q", "date")),
    ],
)
def test_a_column_that_cannot_tell_is_refused(partition, column):
    with pytest.raises(RunError) as caught:
        rows_of_partition(WRITER, (column,), partition)
    assert caught.value.first.code == "RUN081"
    assert caught.value.first.fix


def test_other_steps_are_not_watched():
    assert rows_of_partition(WRITER, (Column("p", "date"),), None) is None
    plain = StepPlan("out", "duckdb.writer", "1.0.0", "writer", {"write_mode": "replace"})
    assert rows_of_partition(plain, (Column("p", "date"),), SPRING) is None

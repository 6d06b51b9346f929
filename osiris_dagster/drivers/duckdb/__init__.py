"""The DuckDB family: tables of a file as source and target, and SQL over the rows of earlier steps."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.duckdb.extract import Extraction
from osiris_dagster.drivers.duckdb.pool import MEMORY_LIMIT, Connect, connect_file
from osiris_dagster.drivers.duckdb.transform import Transformation
from osiris_dagster.drivers.duckdb.write import Loading
from osiris_dagster.drivers.roles import TableDriver

__all__ = ["MEMORY_LIMIT", "Connect", "DuckDBDriver", "connect_file"]


class DuckDBDriver(TableDriver):
    """Runs `duckdb.extractor`, `duckdb.processor` and `duckdb.writer`; opens nothing before its first method."""

    def __init__(self, call: StepCall, *, connect: Connect = connect_file) -> None:
        """`connect` opens a database file: path, and whether for writing."""
        super().__init__(call.component, _work(call, connect))


def _work(call: StepCall, connect: Connect) -> Extraction | Transformation | Loading:
    role = call.component.partition(".")[2]
    if role == "processor":
        return Transformation(call)
    return Loading(call, connect) if role == "writer" else Extraction(call, connect)

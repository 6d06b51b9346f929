"""The SQLite family: tables and queries of a file as source, its tables as target."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.roles import TableDriver
from osiris_dagster.drivers.sqlite.extract import Extraction
from osiris_dagster.drivers.sqlite.write import Loading

__all__ = ["SQLiteDriver"]


class SQLiteDriver(TableDriver):
    """Runs `sqlite.extractor` and `sqlite.writer`; opens nothing before its first method."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(call.component, Loading(call) if call.component == "sqlite.writer" else Extraction(call))

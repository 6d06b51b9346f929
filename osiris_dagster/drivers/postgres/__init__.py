"""The PostgreSQL family: tables and queries of a server as source, its tables as target, by COPY in both directions."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.postgres.extract import Extraction
from osiris_dagster.drivers.postgres.write import Loading
from osiris_dagster.drivers.roles import TableDriver

__all__ = ["PostgresDriver", "work_of"]


def work_of(call: StepCall) -> Extraction | Loading:
    """Return what does the work of a step; it connects to nothing before its first method."""
    return Loading(call) if call.component.endswith(".writer") else Extraction(call)


class PostgresDriver(TableDriver):
    """Runs `postgres.extractor` and `postgres.writer`."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(call.component, work_of(call))

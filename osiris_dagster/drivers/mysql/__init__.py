"""The MySQL family, for MySQL 8 and MariaDB: tables and queries as source, tables as target."""

from __future__ import annotations

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.mysql.extract import Extraction
from osiris_dagster.drivers.mysql.write import Loading
from osiris_dagster.drivers.roles import TableDriver

__all__ = ["MySQLDriver"]


class MySQLDriver(TableDriver):
    """Runs `mysql.extractor` and `mysql.writer`; connects with its first method."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(call.component, Loading(call) if call.component == "mysql.writer" else Extraction(call))

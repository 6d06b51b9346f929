"""The DuckDB family as a resource: it opens database files with the settings of dagster-duckdb's `DuckDBResource`."""

from __future__ import annotations

from pathlib import Path

from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection, connect
from pydantic import Field
from typing_extensions import override

from osiris_dagster.drivers.base import Driver, DriverFactory, StepCall
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.services import Services


class DuckDBDriverResource(OsirisDriver):
    """Runs `duckdb.extractor`, `duckdb.processor` and `duckdb.writer`.

    A project that embeds Osiris hands in the `DuckDBResource` it has, and every database file of a pipeline is opened
    with its `connection_config`. Which file that is, OML and the connections say, not the resource.
    """

    duckdb: DuckDBResource = Field(
        default_factory=lambda: DuckDBResource(database=":memory:"),
        description="Settings for database files; `database` itself is not used.",
    )

    @override
    def factory(self, services: Services) -> DriverFactory:
        from osiris_dagster.drivers.duckdb import DuckDBDriver  # noqa: PLC0415 - a code server opens no driver

        def open_step(call: StepCall) -> Driver:
            return DuckDBDriver(call, connect=self._connect)

        return open_step

    def _connect(self, path: Path, write: bool) -> DuckDBPyConnection:  # noqa: FBT001 - the shape of Connect
        # Not `get_connection`: it opens for writing only, and waits in steps that overshoot what the step allows.
        from osiris_dagster.drivers.duckdb import MEMORY_LIMIT  # noqa: PLC0415 - loaded with the first run

        config = {"memory_limit": MEMORY_LIMIT, **self.duckdb.connection_config}
        return connect(path, read_only=not write, config=config)

"""The Supabase family: the project's PostgreSQL where its address is known, else its REST interface."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.postgres import work_of
from osiris_dagster.drivers.roles import Reads, TableDriver, Writes
from osiris_dagster.drivers.supabase.rest_work import RestLoading, RestReading
from osiris_dagster.drivers.supabase.route import connection_of, database_fields

__all__ = ["SupabaseDriver"]


class SupabaseDriver(TableDriver):
    """Runs `supabase.extractor` and `supabase.writer` by the better of the two ways that the connection allows."""

    def __init__(self, call: StepCall) -> None:
        super().__init__(call.component, _work(replace(call, connection=connection_of(call))))


def _work(call: StepCall) -> Reads | Writes:
    fields = database_fields(call.connection)
    if fields is not None:
        return work_of(replace(call, connection=fields))
    return RestLoading(call) if call.component.endswith(".writer") else RestReading(call)

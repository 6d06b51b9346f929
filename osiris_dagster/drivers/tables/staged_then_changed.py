"""The course of a write where the server commits with every DDL: staged beside the target, checked, then one change.

The right to change the target is taken first and ends with the session: what is found out about the table has to stay
true while it is altered apart from its rows. So one look is enough here, where `one_transaction` takes two, but other
runs that write the table wait until this one has ended.

DDL cannot be undone, so none of it reaches the target before `change`, and all checks come before that: an error up to
there leaves the target as it was, and a staging table, which `clean` drops.
"""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, AT_LEAST_ONCE
from osiris_dagster.drivers.tables.staged import check_fit, fill
from osiris_dagster.drivers.tables.store import Found, StagedStore
from osiris_dagster.drivers.tables.target import plan_write


def write(store: StagedStore[Found], rows: pa.RecordBatchReader) -> WriteReport:
    """Write all rows and commit once, or leave the rows of the target as they are."""
    store.lease()
    recorded = store.prepare()
    found = store.find()
    done = store.committed(found)  # the table is asked as well: it may carry the mark of a load that is not recorded
    if done is not None:
        return WriteReport(done, notes=(ALREADY_COMMITTED,))
    store.make_room()
    table = None if found is None else store.columns(found)
    drift = plan_write(store.target, table, store.row_columns, store.dialect)
    stage = store.stage(found, drift)  # names it; `fill` makes it, and from there on it has to be dropped
    try:
        count, notes = fill(stage, store.watched(rows, drift), store.target)
        check_fit(stage, drift.moves)
        store.change(found, drift, count)
        untold = () if recorded else (AT_LEAST_ONCE,)
        return WriteReport(count, rows_total=store.total(found, count), notes=(*notes, *untold, *drift.notes))
    finally:
        store.clean()

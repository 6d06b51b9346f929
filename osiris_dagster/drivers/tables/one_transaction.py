"""The course of a write where a transaction undoes DDL: staged, checked, then changed and recorded at once.

What cannot work fails before the first row moves. The right to change the target is taken only when all rows are
there, so that nobody waits for their source.

So everything is looked up twice: before the rows, to fail early, and under the right to change (`committing`), which is
what counts, because meanwhile another try of this load may have committed and the table may have changed. Rows, the
record of the load and the positions are committed together: what a retry finds recorded is there, and only once.
"""

from __future__ import annotations

from functools import partial

from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.tables.change import statements
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, AT_LEAST_ONCE
from osiris_dagster.drivers.tables.staged import check_fit, fill
from osiris_dagster.drivers.tables.store import Found, Stage, TransactionStore
from osiris_dagster.drivers.tables.target import plan_write


class _AlreadyCommittedError(Exception):
    """An earlier try turned out to have committed meanwhile; whatever is open is undone on the way out."""

    def __init__(self, rows: int) -> None:
        self.rows = rows


def write(store: TransactionStore[Found], rows: Watched) -> WriteReport:
    """Write all rows and commit once, or change nothing."""
    recorded = store.prepare()
    try:
        _check_uncommitted(store, recorded=recorded)
        with store.undoing():
            return _write(store, rows, recorded=recorded)
    except _AlreadyCommittedError as found:
        return WriteReport(found.rows, notes=(ALREADY_COMMITTED,))


def _check_uncommitted(store: TransactionStore[Found], *, recorded: bool) -> None:
    if recorded and (done := store.records.committed_rows(store.call, store.target.name)) is not None:
        raise _AlreadyCommittedError(done)


def _write(store: TransactionStore[Found], rows: Watched, *, recorded: bool) -> WriteReport:
    call, target = store.call, store.target
    found = store.find()
    stage = store.stage(found, _plan(store, found))
    count, notes = fill(stage, rows, target)
    with store.committing():
        # Not before: until the lease is ours, another try of this load may still commit the same rows.
        _check_uncommitted(store, recorded=recorded)
        found = store.find()
        drift = _appear(store) if found is None else store.tried(partial(_change, store, stage, found))
        if recorded:
            store.records.record_load(call, target.name, count)
        store.records.record_positions(call, target.name, fresh=found is None)
        total = count if found is None or target.emptied else store.total()
    untold = (AT_LEAST_ONCE,) if call.run_id and not recorded else ()
    return WriteReport(count, rows_total=total, notes=(*notes, *drift.notes, *untold))


def _plan(store: TransactionStore[Found], found: Found | None) -> Drift:
    table = None if found is None else store.columns(found)
    return plan_write(store.target, table, store.row_columns, store.dialect)


def _appear(store: TransactionStore[Found]) -> Drift:
    drift = _plan(store, None)
    store.appear(drift)
    return drift


def _change(store: TransactionStore[Found], stage: Stage, found: Found) -> Drift:
    """Compare again: the table may have changed while the rows came."""
    drift = _plan(store, found)
    check_fit(stage, drift.moves)
    for statement in statements(store, store.target, drift):
        store.run(statement)
    return drift

"""The course of a write where a transaction undoes DDL: staged, checked, then changed and recorded at once.

What cannot work fails before the first row moves. The right to change the target is taken only when all rows are
there, so that nobody waits for their source.
"""

from __future__ import annotations

from functools import partial

from osiris_dagster.drivers.base import StepCall, WriteReport
from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.tables.change import statements
from osiris_dagster.drivers.tables.drift import Drift
from osiris_dagster.drivers.tables.refusals import ALREADY_COMMITTED, AT_LEAST_ONCE
from osiris_dagster.drivers.tables.staged import check_fit, fill
from osiris_dagster.drivers.tables.store import Found, Stage, TransactionStore
from osiris_dagster.drivers.tables.target import Target, plan_write


class _AlreadyCommittedError(Exception):
    """An earlier try turned out to have committed meanwhile; whatever is open is undone on the way out."""

    def __init__(self, rows: int) -> None:
        self.rows = rows


def write(store: TransactionStore[Found], call: StepCall, target: Target, rows: Watched) -> WriteReport:
    """Write all rows and commit once, or change nothing."""
    recorded = store.prepare()
    try:
        _check_uncommitted(store, call, target, recorded=recorded)
        with store.undoing():
            return _write(store, call, target, rows, recorded=recorded)
    except _AlreadyCommittedError as found:
        return WriteReport(found.rows, notes=(ALREADY_COMMITTED,))


def _check_uncommitted(store: TransactionStore[Found], call: StepCall, target: Target, *, recorded: bool) -> None:
    if recorded and (done := store.records.committed_rows(call, target.name)) is not None:
        raise _AlreadyCommittedError(done)


def _write(
    store: TransactionStore[Found], call: StepCall, target: Target, rows: Watched, *, recorded: bool
) -> WriteReport:
    found = store.find()
    stage = store.stage(found, _plan(store, target, found))
    count, notes = fill(stage, rows, target)
    with store.committing():
        _check_uncommitted(store, call, target, recorded=recorded)
        found = store.find()
        drift = _appear(store, target) if found is None else store.tried(partial(_change, store, target, stage, found))
        if recorded:
            store.records.record_load(call, target.name, count)
        store.records.record_positions(call, target.name, fresh=found is None)
        total = count if found is None or target.emptied else store.total()
    untold = (AT_LEAST_ONCE,) if call.run_id and not recorded else ()
    return WriteReport(count, rows_total=total, notes=(*notes, *drift.notes, *untold))


def _plan(store: TransactionStore[Found], target: Target, found: Found | None) -> Drift:
    table = None if found is None else store.columns(found)
    return plan_write(target, table, store.row_columns, store.dialect)


def _appear(store: TransactionStore[Found], target: Target) -> Drift:
    drift = _plan(store, target, None)
    store.appear(drift)
    return drift


def _change(store: TransactionStore[Found], target: Target, stage: Stage, found: Found) -> Drift:
    """Compare again: the table may have changed while the rows came."""
    drift = _plan(store, target, found)
    check_fit(stage, drift.moves)
    for statement in statements(store, target, drift):
        store.run(statement)
    return drift

"""Fills a staging table and checks it: all rows arrived, their keys are what the step says, their values fit."""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.drivers.tables.drift import Move
from osiris_dagster.drivers.tables.refusals import left_out, null_key, repeated_keys, rows_lost, values_do_not_fit
from osiris_dagster.drivers.tables.store import KeyedRows, Stage
from osiris_dagster.drivers.tables.target import Target


def fill(stage: Stage, rows: Watched, target: Target) -> tuple[int, tuple[str, ...]]:
    """Stream all rows in and check their keys. Return the rows that are there then, and what a person should know."""
    arrived = stage.fill(rows)
    if arrived != rows.rows:
        raise rows_lost(rows.rows, arrived)
    dropped = check_keys(stage, target)
    return arrived - dropped, (left_out(dropped, target.on_duplicate),) if dropped else ()


def check_keys(stage: KeyedRows, target: Target) -> int:
    """Refuse NULL keys; refuse duplicates or drop all but the first or last. Return the rows dropped.

    First and last are meant in the order in which the rows came.
    """
    if not target.keys:
        return 0
    for key, missing in zip(target.keys, stage.nulls(target.keys), strict=True):
        if missing:
            raise null_key(key, missing)
    twice = stage.repeated(target.keys)
    if twice and target.on_duplicate == "error":
        raise repeated_keys(target.keys, twice)
    return stage.keep_one(target.keys, target.on_duplicate) if twice else 0


def check_fit(stage: Stage, moves: Sequence[Move]) -> None:
    """Refuse values that the type of their target column does not hold exactly."""
    own = {column.name: column.type for column in stage.columns}
    for move in moves:
        if move.checked and (lost := stage.misfits(move, own[move.source])):
            raise values_do_not_fit(move.source, own[move.source], move.type, lost)

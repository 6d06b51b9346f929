"""Data checks that a single value passes or fails: the function that counts the failing ones of an Arrow column."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from osiris_dagster.compiler.checks import typed
from osiris_dagster.oml.model import Check

Failing = Callable[[pa.Array], int]
VALUE_CHECKS = ("not_null", "accepted_values", "range")


def failing_values(check: Check, kind: pa.DataType) -> Failing:
    """Return what counts the failing values of a column; only not_null minds NULL. The check has no fault."""
    if check.type == "not_null":
        return _nulls
    if check.type == "accepted_values":
        accepted = pa.array([typed(value, kind).as_py() for value in check.options["values"]], kind)
        return lambda column: _count(pc.invert(pc.is_in(column, value_set=accepted)), column)
    low, high = (typed(value, kind) if value is not None else None for value in _bounds(check))

    def outside(column: pa.Array) -> int:
        # Asked the other way round, so that NaN, which is in no order, lies outside.
        inside = [pc.greater_equal(column, low)] if low is not None else []
        inside += [pc.less_equal(column, high)] if high is not None else []
        return _count(pc.invert(pc.and_(inside[0], inside[-1])), column)

    return outside


def _bounds(check: Check) -> tuple[object, object]:
    return check.options.get("min"), check.options.get("max")


def _nulls(column: pa.Array) -> int:
    return int(column.null_count)


def _count(failing: pa.Array, column: pa.Array) -> int:
    return pc.sum(pc.and_(failing, pc.is_valid(column))).as_py() or 0

"""The SELECT that the configuration of an extractor asks for, in any dialect, or what is wrong with it.

SQL that somebody wrote goes to the source as it was written, behind the judge that the compiler asks, too.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.positions import Since
from osiris_dagster.errors import DriverError
from osiris_dagster.sql.judge import check, without_end
from osiris_dagster.sql.refusal import SqlRefusedError


def check_source(config: Mapping[str, Any]) -> None:
    """Raise DriverError unless the configuration has either `table` or `query`."""
    query = config.get("query")
    if bool(query) == bool(config.get("table")):
        raise DriverError(
            "a step reads either `table` or `query`",
            code="DRV022",
            found="both" if query else "neither",
            expected="one of the two",
            fix="leave `query` out; columns, filter and limit work with both" if query else "add `table`",
        )


def query_of(config: Mapping[str, Any], dialect: str) -> str:
    """Return the query of a step as it may stand in brackets, empty for a step that reads a table.

    DriverError for a configuration that has both or neither, and for SQL that does more than read.
    """
    check_source(config)
    check_filter(config, dialect)
    return one_select(config["query"], dialect) if config.get("query") else ""


def one_select(query: str, dialect: str) -> str:
    """Return a query of a source without the semicolons and comments at its end; DriverError unless it only reads."""
    _check(query, dialect)
    return without_end(query, dialect)


def check_filter(config: Mapping[str, Any], dialect: str) -> None:
    """Raise DriverError for a filter that is more than one condition, or does more than read."""
    if config.get("filter"):
        _check(config["filter"], dialect, condition=True)


def _check(text: str, dialect: str, *, condition: bool = False) -> None:
    """What is merely not understood is left to the source: it says more about that, and cannot write meanwhile."""
    try:
        check(text, dialect, condition=condition)
    except SqlRefusedError as fault:
        if not fault.harmless:
            raise refused(fault) from None


def refused(fault: SqlRefusedError) -> DriverError:
    """Return the error for SQL that the judge refuses."""
    is_select = fault.kind in ("acts", "hidden")
    return DriverError(
        f"the query is refused: {fault.message}" if is_select else "the query is not one SELECT statement",
        code="DRV023",
        found=fault.found or fault.message,
        expected="SQL that only reads" if is_select else "one SELECT",
        fix=fault.fix,
    )


def selection(
    config: Mapping[str, Any],
    source: str,
    quoted: Callable[[str], str],
    selected: Sequence[str] | None = None,
    since: Since | None = None,
) -> str:
    """Return the SELECT over `source`, a name or a query in brackets, with the options around it.

    `selected` are the columns, all when it is empty; without it the configuration says which.
    """
    columns = config.get("columns") if selected is None else selected
    condition, limit, offset = (config.get(key) for key in ("filter", "limit", "offset"))
    parts = [f"select {', '.join(map(quoted, columns)) if columns else '*'} from {source}"]
    conditions = [f"(\n{condition}\n)"] if condition else []
    conditions += [since.condition(quoted)] if since else []
    if conditions:
        parts.append(f"where {' and '.join(conditions)}")
    if limit is not None:
        parts.append(f"limit {int(limit)}")
    if offset:
        parts.append(f"offset {int(offset)}")
    return "\n".join(parts)


def columns_to_read(
    call: StepCall,
    known: Callable[[], Sequence[str]],
    fold: Callable[[str], str] = str,
    shown: Callable[[str], str] = str,
) -> tuple[str, ...]:
    """Return the columns to read of those that `known` looks up, none for all. DriverError for one that is not there.

    `fold` gives the form in which two names of one column are equal, `shown` a name as messages have it.
    """
    if not (call.wanted or call.config.get("columns")):
        return ()
    names = known()
    columns = call.selected(names)
    check_columns(columns, names, fold, shown)
    return columns


def check_columns(
    columns: Iterable[str],
    known: Collection[str],
    fold: Callable[[str], str] = str,
    shown: Callable[[str], str] = str,
) -> None:
    """Raise DriverError for a column that is not there, with the nearest name."""
    folded = set(map(fold, known))
    for column in columns:
        if fold(column) not in folded:
            raise unknown("column", shown(column), column, known)


def unknown_table(schema: str, table: str, known: Iterable[tuple[str, str]], where: str = "") -> DriverError:
    """Return the error for a table that is not among the `known` ones, which are schemas with names."""
    names = [name if owner == schema else f"{owner}.{name}" for owner, name in known]
    return unknown("table", f"{schema}.{table}{where}", table, names)


def unknown(what: str, shown: str, name: str, known: Iterable[str]) -> DriverError:
    """Return the error for a table or column that is not there, with the nearest name."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return DriverError(
        f"there is no {what} {shown}",
        code="DRV024",
        found=shown,
        expected=", ".join(names[:20]) or f"no {what} at all",
        fix=f"did you mean {near[0]}?" if near else f"check the name of the {what}",
    )

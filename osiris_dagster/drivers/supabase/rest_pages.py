"""Reads the rows of a table over REST, page by page.

Pages are not one snapshot. With a key of one column each page begins behind the last key, so that no row is passed
over or read twice whatever happens meanwhile. Otherwise pages are ranges, and a count that changes ends the reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from osiris_dagster.drivers.supabase.rest import Rest
from osiris_dagster.drivers.supabase.rest_types import RestTable, in_select
from osiris_dagster.errors import DriverError

PAGE = 1000  # rows; a hosted project gives no more at once
_KEY = "osiris_key"

Rows = list[dict[str, Any]]


def pages(rest: Rest, config: Mapping[str, Any], table: RestTable, names: Sequence[str]) -> Iterator[Rows]:
    """Yield the rows as text by column name, no page empty."""
    parameters = {"select": ",".join(f"{in_select(name)}::text" for name in names)}
    if table.keys:
        parameters["order"] = ",".join(f"{in_select(key)}.asc" for key in table.keys)
    if len(table.keys) == 1:
        found = _by_key(rest, config, table.keys[0], parameters)
    else:
        found = _by_range(rest, config, parameters)
    left = config.get("limit")
    while left is None or left > 0:
        rows = next(found, [])[:left]
        if not rows:
            return
        left = None if left is None else left - len(rows)
        yield rows


def _by_key(rest: Rest, config: Mapping[str, Any], key: str, parameters: dict[str, str]) -> Iterator[Rows]:
    parameters = {**parameters, "select": f"{parameters['select']},{_KEY}:{in_select(key)}::text", "limit": str(PAGE)}
    page = {**parameters, "offset": str(config["offset"])}
    while rows := rest.get(config["table"], page).json():
        page = {**parameters, "offset": "0", in_select(key): f"gt.{rows[-1][_KEY]}"}
        yield rows


def _by_range(rest: Rest, config: Mapping[str, Any], parameters: dict[str, str]) -> Iterator[Rows]:
    place, total = config["offset"], None
    while total is None or place < total:
        page = {**parameters, "limit": str(PAGE), "offset": str(place)}
        answer = rest.get(config["table"], page, Prefer="count=exact")
        rows: Rows = answer.json()
        total = answer.total if total is None else total
        if answer.total != total or (not rows and total is not None and place < total):
            raise DriverError(
                f"{rest.place}: the table changed while it was read page by page",
                code="DRV076",
                found=f"{answer.total} rows",
                expected=f"{total} rows, as at the beginning",
                fix="run the step again; give the table a key of one column; or read through the project's dsn",
                retryable="transient",
            )
        if not rows:
            return
        place += len(rows)
        yield rows

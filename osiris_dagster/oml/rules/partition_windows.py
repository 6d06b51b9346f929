"""Rules about the block `partitions`: windows that a calendar has, and keys that can stand in SQL and in paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.partition import RANGE, aligned
from osiris_dagster.oml.placeholders import named
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import blocks
from osiris_dagster.oml.times import moment, timezone_fault

_YEARS = (1970, 9000)  # of a window: Dagster counts seconds from the first
_SPANS = {
    "hourly": "a whole hour",
    "daily": "midnight",
    "weekly": "midnight; a week begins on the weekday of `start`",
    "monthly": "the first day of a month",
}
_LONGEST_KEY = 100
_FORBIDDEN = re.compile(r"""['"`\\$]|\*/|[\x00-\x1f\x7f]|\A\s|\s\Z""")
UNSAFE_IN_PATHS = re.compile(r"\A\.|[^\w .+=@-]")
_CLOCK_YEARS = 5  # after `start` in which a change of the clock is looked for


@rule("OML180", "A window that partitions cannot have", example='partitions: {type: monthly, start: "2025-01-01"}')
def window(context: Context) -> Iterator[Diagnostic]:
    """`start` and `end` are where partitions begin: a whole hour, midnight, the first day of a month.

    Weeks begin on the weekday of `start`, and `end` is that many weeks later. Both are local to `timezone`, so that
    they have no offset of their own. The last partition ends at `end`, or goes on without one.

    Wrong:
        partitions: {type: monthly, start: "2025-01-15"}

    Right:
        partitions: {type: monthly, start: "2025-01-01"}
    """
    for path, value in _timed(context):
        for key in ("start", "end"):
            text = value.get(key)
            found = moment(text) if isinstance(text, str) else None
            reason = _window_fault(found, key, value) if found else ""
            if reason:
                yield context.at(
                    (*path, key),
                    f"`{key}` {reason}",
                    found=context.shown((*path, key), text),
                    expected=_SPANS[value["type"]],
                    fix="write where a partition begins, as in 2025-01-01",
                )


def _window_fault(found: datetime, key: str, value: Mapping[str, Any]) -> str:
    if found.tzinfo is not None:
        return "has an offset, and `timezone` says where it is"
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        return f"lies outside of the years {_YEARS[0]} to {_YEARS[1]}"
    if not aligned(found.isoformat(), value["type"]):
        return "is not where a partition begins"
    start = moment(value["start"]) if isinstance(value.get("start"), str) else None
    if key == "end" and value["type"] == "weekly" and start and start.tzinfo is None and (found - start).days % 7:
        return "is not a whole number of weeks after `start`"
    return ""


@rule("OML181", "Hours in a time zone whose clock changes", example="partitions: {type: hourly, timezone: UTC, ...}")
def clock_changes(context: Context) -> Iterator[Diagnostic]:
    """Where clocks are put back, an hour comes twice and one name would mean two partitions.

    Hourly partitions are therefore counted in UTC, or in a zone that keeps its offset. Days, weeks and months may be in
    any zone; a day has 23 or 25 hours then.

    Wrong:
        partitions: {type: hourly, start: "2025-01-01", timezone: Europe/Prague}

    Right:
        partitions: {type: hourly, start: "2025-01-01", timezone: UTC}
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - costs a tenth of a whole validation

    for path, value in _timed(context):
        zone, start = value.get("timezone"), value.get("start")
        first = moment(start) if isinstance(start, str) else None
        if value["type"] != "hourly" or not isinstance(zone, str) or timezone_fault(zone) or not first:
            continue
        months = [(first.year + year, month) for year in range(_CLOCK_YEARS) for month in range(1, 13)]
        offsets = {ZoneInfo(zone).utcoffset(datetime(year, month, 1)) for year, month in months if year < _YEARS[1]}
        if len(offsets) > 1:
            yield context.at(
                (*path, "timezone"),
                "hours of this time zone are not unique, as its clock changes",
                found=context.shown((*path, "timezone"), zone),
                expected="UTC, or a zone that keeps its offset",
                fix="write timezone: UTC",
            )


@rule("OML182", "A key that partitions cannot have", example="partitions: {type: static, keys: [cz, de]}")
def static_keys(context: Context) -> Iterator[Diagnostic]:
    """Keys of static partitions stand in SQL, in paths and in Dagster.

    So a key holds no quote, backslash, `$`, `*/` or three dots, has no space at its ends and at most 100 characters.
    Where `${partition.key}` stands in the path of a file, a key is made of letters, digits, spaces and `_ - . + = @`,
    does not begin with a dot, and differs from the others in more than case.

    Wrong:
        partitions: {type: static, keys: ["cz's"]}

    Right:
        partitions: {type: static, keys: [cz]}
    """
    for path, value in blocks(context, "partitions"):
        if not isinstance(value, dict) or value.get("type") != "static" or not isinstance(value.get("keys"), list):
            continue
        in_paths = any(map(_key_in_path, context.steps))
        seen: set[str] = set()
        for index, key in enumerate(value["keys"]):
            fault = _key_fault(key, seen, in_paths=in_paths) if isinstance(key, str) else ""
            if fault:
                where = (*path, "keys", index)
                yield context.at(
                    where,
                    f"the key {fault}",
                    found=context.shown(where, key),
                    expected="a short text that can stand in SQL, in a path and in Dagster",
                    fix="choose another key",
                )


def _key_fault(key: str, seen: set[str], *, in_paths: bool) -> str:
    if len(key) > _LONGEST_KEY:
        return f"has more than {_LONGEST_KEY} characters"
    if found := _FORBIDDEN.search(key):
        return "begins or ends with a space" if found[0].isspace() else f"holds {found[0]!r}"
    if RANGE in key:
        return "holds three dots, which stand between the ends of a range"
    if not in_paths:
        return ""
    if found := UNSAFE_IN_PATHS.search(key):
        return f"cannot stand in the path of a file because of {found[0]!r}"
    twin = key.casefold() in seen
    seen.add(key.casefold())
    return "would have the same path as another one" if twin else ""


def _key_in_path(step: StepText) -> bool:
    return bool(step.spec and step.spec.dataset and step.spec.dataset.kind == "file" and "key" in named(step.config))


def _timed(context: Context) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path, value in blocks(context, "partitions"):
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in _SPANS:
            yield path, value

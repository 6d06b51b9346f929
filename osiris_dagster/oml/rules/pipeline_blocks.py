"""Rules about the top-level blocks of OML 0.2: their shapes, and what a shape cannot say (cron, zones, dates)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import block_faults, faults_told, told_under, wrong_form
from osiris_dagster.oml.times import moment, timezone_fault, timezone_hint

# What Dagster accepts; anything else would fail when the pipeline is loaded.
_OWNER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+")
_TAG_KEY = re.compile(r"(?:[A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")
_TAG_CHARS = "at most 63 letters, digits, `_`, `-` and `.`"


@rule("OML090", "A schedule that cannot be read", example='schedule: {cron: "15 3 * * *", timezone: Europe/Prague}')
def schedule(context: Context) -> Iterator[Diagnostic]:
    """`schedule` is a cron string of five fields, `{cron, timezone}`, or `{on: update}`.

    Fields are minute, hour, day of month, month and day of week; the time zone is a name such as `Europe/Prague`.

    Wrong:
        schedule: "15 25 * * *"

    Right:
        schedule: "15 3 * * *"
    """
    for key, path, value in told_under(context, "OML090"):
        yield from block_faults(context, key, path, value)
        if isinstance(value, dict):
            yield from _timezone(context, path, value)
            if ("on" in value) == ("cron" in value):
                message = "a schedule has either `cron` or `on`"
                yield context.at(path, message, key=True, expected="{cron: ...} or {on: update}", fix="use one of them")


@rule("OML091", "Partitions that cannot be read", example='partitions: {type: daily, start: "2025-01-01", column: day}')
def partitions(context: Context) -> Iterator[Diagnostic]:
    """Partitions are hourly, daily, weekly or monthly from a `start` on, or static with a list of `keys`.

    Wrong:
        partitions: {type: daily}

    Right:
        partitions: {type: daily, start: "2025-01-01"}
    """
    for key, path, value in told_under(context, "OML091"):
        yield from block_faults(context, key, path, value)
        if isinstance(value, dict):
            yield from _keys_of_type(context, path, value)
            yield from _timezone(context, path, value)
            yield from _order_of_dates(context, path, value)


@rule("OML092", "Owners or tags that cannot be used", example="owners: [data@example.com]")
def ownership(context: Context) -> Iterator[Diagnostic]:
    """Owners are e-mail addresses or `team:name`; tags are short texts under short names.

    They are shown on every asset of the pipeline. A tag's name and value have at most 63 letters, digits, `_`, `-` and
    `.`; a name may have a prefix before a slash.

    Wrong:
        owners: [the data people]

    Right:
        owners: ["team:data", ann@example.com]
    """
    for key, path, value in told_under(context, "OML092"):
        yield from block_faults(context, key, path, value)
        if key.name == "owners" and isinstance(value, list):
            yield from _owners(context, path, value)
        elif key.name == "tags" and isinstance(value, dict):
            yield from _tags(context, path, value)


def _owners(context: Context, path: Path, owners: list[Any]) -> Iterator[Diagnostic]:
    for index, owner in enumerate(owners):
        if isinstance(owner, str) and not _OWNER.fullmatch(owner):
            yield wrong_form(context, (*path, index), owner, "an owner", "an e-mail address, or team:name")


def _tags(context: Context, path: Path, tags: dict[str, Any]) -> Iterator[Diagnostic]:
    for name, text in tags.items():
        if not _TAG_KEY.fullmatch(name):
            yield wrong_form(context, (*path, name), name, "the name of a tag", _TAG_CHARS, key=True)
        if isinstance(text, str) and not _TAG_VALUE.fullmatch(text):
            yield wrong_form(context, (*path, name), text, "a tag", _TAG_CHARS)


@rule("OML093", "Settings of the run that cannot be read", example="execution: {isolation: step}")
def run_settings(context: Context) -> Iterator[Diagnostic]:
    """`freshness` is `{max_lag: 26h}`, `concurrency` the name of a pool, `execution` has isolation, target, checkpoint.

    Durations are numbers with w, d, h, m or s: `90m`, `1d12h`.

    Wrong:
        freshness: {max_lag: 26 hours}

    Right:
        freshness: {max_lag: 26h}
    """
    yield from faults_told(context, "OML093")


def _keys_of_type(context: Context, path: Path, value: dict[str, Any]) -> Iterator[Diagnostic]:
    """Static partitions have keys, the others a start; neither has the other's."""
    if "type" not in value:
        return
    static = value["type"] == "static"
    needed, foreign = ("keys", ("start", "end", "timezone")) if static else ("start", ("keys",))
    kind = "static partitions" if static else "partitions of time"
    if needed not in value:
        message = f"{kind} need `{needed}`"
        yield context.at(path, message, key=True, expected=f"a value for `{needed}`", fix=f"add `{needed}`")
    for key in foreign:
        if key in value:
            message = f"`{key}` has no meaning for {kind}"
            yield context.at((*path, key), message, key=True, expected=f"`{needed}`", fix="remove it")


def _timezone(context: Context, path: Path, value: dict[str, Any]) -> Iterator[Diagnostic]:
    name = value.get("timezone")
    if isinstance(name, str) and name and timezone_fault(name):
        yield context.at(
            (*path, "timezone"),
            "no time zone has that name",
            found=context.shown(path, name),
            expected="a name such as Europe/Prague or UTC",
            fix=timezone_hint(name) or "use a name of the IANA time zone database",
        )


def _order_of_dates(context: Context, path: Path, value: dict[str, Any]) -> Iterator[Diagnostic]:
    first, last = (moment(text) if isinstance(text, str) else None for text in (value.get("start"), value.get("end")))
    if first and last and (first.tzinfo is None) == (last.tzinfo is None) and last <= first:
        yield context.at(
            (*path, "end"),
            "`end` is not after `start`",
            found=context.shown(path, value["end"]),
            expected="a date after `start`",
            fix="swap the two",
        )

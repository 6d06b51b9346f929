"""Cron strings, time zones, durations and dates: text in, what is wrong with it out (empty when nothing is)."""

from __future__ import annotations

import re
from datetime import datetime

from osiris_dagster.specs.nearest import did_you_mean

_DURATION = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
# name, lowest, highest, names; Sunday is 0 and 7
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: index + 1 for index, name in enumerate(_MONTHS)}),
    ("day of week", 0, 7, {name: index for index, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([0-9]+))?")
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LONGEST = 200


def cron_fault(text: str) -> str:
    """Return what is wrong with a cron string of five fields.

    >>> cron_fault("15 3 * * mon-fri"), cron_fault("15 24 * * *"), cron_fault("15 3 * *")
    ('', 'the hour 24 is not between 0 and 23', 'it has 4 fields instead of five')
    """
    fields = text[:_LONGEST].lower().split()
    if len(fields) != 5:
        return f"it has {len(fields)} field{'s' * (len(fields) != 1)} instead of five"
    values = []
    for field, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        found, fault = _field(field, name, low, high, names)
        if fault:
            return fault
        values.append(found)
    if min(values[2]) > max(_MONTH_LENGTHS[month - 1] for month in values[3]):
        return "that day does not exist in that month"
    return ""


def _field(text: str, name: str, low: int, high: int, names: dict[str, int]) -> tuple[set[int], str]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match or (match[1] == "*" and match[2]):
            return values, f"the {name} cannot be read"
        ends = _ends(match, low, high)
        numbers = [_number(end, names) for end in ends]
        for number, written in zip(numbers, ends, strict=True):
            if not low <= number <= high:
                return values, f"the {name} {written} is not between {low} and {high}"
        step = int(match[3] or 1)
        if numbers[1] < numbers[0] or step < 1:
            return values, f"the {name} {part} is an empty range"
        values |= set(range(numbers[0], numbers[1] + 1, step))
    return values, ""


def _ends(match: re.Match[str], low: int, high: int) -> tuple[str, str]:
    """Return first and last of a part as they are written; `5/10` goes on to the highest."""
    if match[1] == "*":
        return str(low), str(high)
    return match[1], match[2] or (str(high) if match[3] else match[1])


def _number(text: str, names: dict[str, int]) -> int:
    return int(text) if text.isdecimal() else names.get(text, -1)


def timezone_fault(text: str) -> str:
    """Return what is wrong with the name of a time zone.

    >>> timezone_fault("Europe/Prague"), timezone_fault("Europe/Praha")
    ('', 'no time zone has that name')
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - costs a tenth of a whole validation

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name is a folder, or too long for a file
        return "no time zone has that name"
    return ""


def timezone_hint(text: str) -> str:
    """Return the sentence that offers a time zone of a similar name."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - walks a folder tree; only for a wrong name

    region = text.partition("/")[0] + "/" if "/" in text else ""
    return did_you_mean(text, sorted(name for name in available_timezones() if name.startswith(region)))


def duration_fault(text: str) -> str:
    """Return what is wrong with a duration such as `90m`, `26h` or `1d12h`.

    >>> duration_fault("1d12h"), duration_fault("26 hours"), duration_fault("0h")
    ('', 'it is not a duration', 'it is zero')
    """
    match = _DURATION.fullmatch(text)
    if not text or not match:
        return "it is not a duration"
    return "" if any(int(part or 0) for part in match.groups()) else "it is zero"


def duration_seconds(text: str) -> int:
    """Return the seconds of a duration that can be read.

    >>> duration_seconds("1h30m"), duration_seconds("2d")
    (5400, 172800)
    """
    match = _DURATION.fullmatch(text)
    counts = [int(count or 0) for count in match.groups()] if match else [0]
    return sum(count * unit for count, unit in zip(counts, (604_800, 86_400, 3_600, 60, 1), strict=False))


def moment(text: str) -> datetime | None:
    """Return a date or a date with time in ISO 8601, None when the text is neither."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def moment_fault(text: str) -> str:
    """Return what is wrong with a date or a date with time."""
    return "" if moment(text) else "it is not a date"

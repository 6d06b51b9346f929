"""Numbers, times and lists as sentences have them."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(12345, "row"), counted(2, "entry", "entries")
    ('1 row', '12,345 rows', '2 entries')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(ms: int) -> str:
    """Return a time span as people say it.

    >>> [duration(ms) for ms in (7, 1_234, 62_000, 3_723_000)]
    ['7 ms', '1.2 s', '1 min 2 s', '1 h 2 min']
    """
    if ms < 1000:
        return f"{ms} ms"
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds}.{ms % 1000 // 100} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60} min"


def size(count: int) -> str:
    """Return a number of bytes in decimal units.

    >>> [size(count) for count in (999, 1_500, 2_000_000, 3_210_000_000)]
    ['999 bytes', '1.5 kB', '2.0 MB', '3.2 GB']
    """
    if count < 1000:
        return counted(count, "byte")
    scaled, unit = next(
        (count * 10 // scale, unit) for scale, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")) if count >= scale
    )
    return f"{scaled // 10:,}.{scaled % 10} {unit}"


def moment(timestamp: str) -> str:
    """Return an ISO 8601 instant as people write it.

    >>> moment("2023-11-14T22:13:20.007Z")
    '2023-11-14 at 22:13:20 UTC'
    """
    return f"{timestamp[:10]} at {timestamp[11:19]} UTC"


def listed(items: list[str], *, most: int = 5) -> str:
    """Join names as a sentence does; what is beyond `most` is counted.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a', 'a, b and c', 'a and 2 more')
    """
    shown = items[:most] + ([f"{len(items) - most} more"] if len(items) > most else [])
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]

"""Text of unknown origin made harmless: what cannot be seen becomes visible, what is too long is cut with a mark."""

from __future__ import annotations

import re
from collections.abc import Iterable

from osiris_dagster.canonical import sha256

_COLOUR = re.compile(r"\\u001b\[[0-9;]*m")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # bidi, invisible, line separators
    "\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff"  # lone surrogates, noncharacters
    "\U000e0000-\U000e007f]"  # tags: letters that nobody sees
)


def clean(text: str) -> str:
    r"""Return `text` with every unseen character spelled out, so that different texts stay different.

    >>> clean("a\r\nb" + chr(0x202E) + "c" + chr(27) + "[1m")
    'a\nb\\u202ec\\u001b[1m'
    """
    return _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text.replace("\r\n", "\n"))


def colourless(text: str) -> str:
    r"""Return a cleaned message without the spelled-out codes that coloured it on a terminal.

    >>> colourless(clean(chr(27) + "[31mred" + chr(27) + "[0m"))
    'red'
    """
    return _COLOUR.sub("", text)


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters (>= 60); a cut text names its length and keeps a digest.

    The digest keeps two long texts apart that begin alike.
    """
    if len(text) <= limit:
        return text
    mark = f"… (cut: {len(text)} characters, {sha256(text)[:8]})"
    return text[: limit - len(mark)] + mark


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Return different texts in order, without the empty one: a set, as a graph would have it.

    >>> distinct(["b", "", "a", "b"])
    ('a', 'b')
    """
    return tuple(sorted(set(texts) - {""}))


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

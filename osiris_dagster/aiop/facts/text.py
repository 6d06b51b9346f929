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

"""Text of a `.env` file in, variables out. A malformed line is a ConfigError that never repeats it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from osiris_dagster.errors import ConfigError, Place

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)")
_LITERAL = re.compile(r"'([^']*)'(?:\s+#.*)?")
_ESCAPABLE = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\s+#.*)?')
_COMMENT = re.compile(r"\s#.*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def parse_dotenv(text: str, file: str) -> Mapping[str, str]:
    r"""Return the variables of `NAME=value` lines; the last of two wins, `file` is its name for messages.

    >>> parse_dotenv("# local\nexport A=1  # one\nB='x y'\nC=\"two\\nlines\"\nD=", ".env")
    {'A': '1', 'B': 'x y', 'C': 'two\nlines', 'D': ''}
    """
    found = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        value = _value(match[2]) if match else None
        if match is None or value is None:
            raise ConfigError(
                f"{file}:{number}: not a variable",
                code="CFG027",
                place=Place(file, number),
                expected="NAME=value, quotes in pairs",
                fix="write one NAME=value a line; start comments with #",
            )
        found[match[1]] = value
    return found


def _value(text: str) -> str | None:
    """Return the value that stands behind the equals sign, None when a quote is left open."""
    bare = text.strip()
    if bare.startswith("'"):
        literal = _LITERAL.fullmatch(bare)
        return literal[1] if literal else None
    if bare.startswith('"'):
        escapable = _ESCAPABLE.fullmatch(bare)
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), escapable[1]) if escapable else None
    return _COMMENT.sub("", text, count=1).strip()

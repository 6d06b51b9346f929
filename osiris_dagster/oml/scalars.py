"""Plain scalars by the YAML 1.2 core schema: text in, a JSON value out.

Two choices where the versions of YAML disagree or JSON has no answer: a number with a leading zero (`012`) stays text,
because 1.1 reads it as ten and 1.2 as twelve; `.inf`, `.nan` and numbers beyond 64 bits are refused, because they
cannot be written as JSON and read back the same.
"""

from __future__ import annotations

import math
import re

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_LONGEST_NUMBER = 400
_INT_LIMIT = 2**63


class NotJson(ValueError):  # noqa: N818 - an outcome of reading a scalar, not an error of the product
    """The scalar is a number that JSON cannot hold."""


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar means; NotJson for a number that JSON cannot hold.

    >>> [resolve_plain(t) for t in ("no", "012", "12:30", "0x1F", "1e3", "~", "True")]
    ['no', '012', '12:30', 31, 1000.0, None, True]
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise NotJson(text)
    is_int = _INT.fullmatch(text)
    if not is_int and not _FLOAT.fullmatch(text):
        return text
    if len(text) > _LONGEST_NUMBER:
        raise NotJson(text)
    return _integer(text) if is_int else _float(text)


def _integer(text: str) -> int:
    base = {"0x": 16, "0o": 8}.get(text[:2], 10)
    number = int(text[2:] if base != 10 else text, base)
    if not -_INT_LIMIT <= number < 2 * _INT_LIMIT:
        raise NotJson(text)
    return number


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJson(text)
    return number


_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = {f"{_CORE}bool": bool, f"{_CORE}int": int, f"{_CORE}null": type(None)}


def resolve_tagged(text: str, tag: str) -> str | int | float | bool | None:
    """Return what a scalar with an explicit core tag means; ValueError when the text does not fit the tag.

    >>> resolve_tagged("12", "tag:yaml.org,2002:str"), resolve_tagged("12", "tag:yaml.org,2002:float")
    ('12', 12.0)
    """
    if tag == f"{_CORE}str":
        return text
    value = resolve_plain(text)
    if tag == f"{_CORE}float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if tag in _SCALAR_TAGS and type(value) is _SCALAR_TAGS[tag]:
        return value
    raise ValueError(tag)


COLLECTION_TAGS = {"map": f"{_CORE}map", "seq": f"{_CORE}seq"}
SCALAR_TAGS = frozenset({f"{_CORE}str", f"{_CORE}float", *_SCALAR_TAGS})

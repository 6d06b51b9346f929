"""SQL as text in; where its string literals and comments stand, and where a word stands outside of them, out.

A change of a text must not reach into what the SQL says as data or as prose. This is no parser: what is not closed
counts as a literal up to its end, so that in doubt nothing is changed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

_BACKSLASHES = ("mysql",)  # dialects in which a backslash escapes a quote, # begins a comment, and /* does not nest
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|\$\{[^{}]*\}")
_NESTING = re.compile(r"/\*|\*/")


def literals(sql: str, dialect: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of every string literal and comment, in order.

    >>> sql = '''select 'it''s', "no'" -- 'x'''
    >>> [sql[begin:end] for begin, end in literals(sql, "duckdb")]
    ["'it''s'", "-- 'x"]
    """
    token, at = _token(dialect in _BACKSLASHES), 0
    while match := token.search(sql, at):
        at = _comment_end(sql, match.start()) if match.lastgroup == "nested" else match.end()
        if match.lastgroup != "name" or not match[0].endswith(match[0][0], 1):
            yield match.start(), at


def written_uses(word: re.Pattern[str], written: str, sql: str, dialect: str) -> list[re.Match[str]]:
    """Return the places of a word in the code of a SQL text, as a YAML file has it written.

    Placeholders and templates may hold quotes and are nobody's literal. Nothing is returned when the two texts do not
    have the word at the same places: where YAML escapes, doubles or folds it.
    """
    places, meant = list(word.finditer(written)), list(word.finditer(sql))
    if [place[0] for place in places] != [match[0] for match in meant]:
        return []
    spans = list(literals(_TEMPLATE.sub(lambda match: "x" * len(match[0]), sql), dialect))
    begins = [begin for begin, _ in spans]
    return [place for place, match in zip(places, meant, strict=True) if not _inside(match.start(), spans, begins)]


def _inside(offset: int, spans: list[tuple[int, int]], begins: list[int]) -> bool:
    index = bisect_right(begins, offset) - 1
    return index >= 0 and offset < spans[index][1]


def _comment_end(sql: str, begin: int) -> int:
    depth = 0
    for match in _NESTING.finditer(sql, begin):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)


@cache
def _token(backslashes: bool) -> re.Pattern[str]:  # noqa: FBT001 - the key of a cache
    if backslashes:
        text = r"(?P<quote>['\"])(?:(?!(?P=quote))[^\\]|\\.|(?P=quote){2})*(?:(?P=quote)|\Z)"
        parts = [r"--(?=\s|\Z)[^\n]*|\#[^\n]*", r"/\*.*?(?:\*/|\Z)", text, r"(?P<name>`[^`]*(?:`|\Z))"]
    else:
        escaped = r"(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)"
        dollars = r"(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|\Z)"
        name = r"(?P<name>\"[^\"]*(?:\"|\Z))"
        parts = [r"--[^\n]*", r"(?P<nested>/\*)", escaped, r"'[^']*(?:''[^']*)*(?:'|\Z)", dollars, name]
    return re.compile("|".join(f"(?:{part})" for part in parts), re.DOTALL)

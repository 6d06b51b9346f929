"""Markdown from text of unknown origin: it stays text, whatever it contains, wherever it is rendered."""

from __future__ import annotations

import re

from osiris_dagster.aiop.facts.text import cut

BAR = "\\|"
"""A bar inside a table cell, also inside a code span."""
_TICKS = re.compile("`+")


def code(text: str, limit: int = 200) -> str:
    r"""Return text as an inline code span on one line, in which mentions, links and HTML stay text.

    >>> print(code("a\n`b`"))
    `` a `b` ``
    """
    line = cut(" ".join(text.split()), limit)
    if not line:
        return ""
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def block(text: str, language: str = "text", limit: int = 2000) -> list[str]:
    """Return text as the lines of a fenced block that nothing in the text can close."""
    kept = cut(text.strip("\n"), limit)
    fence = "`" * max(3, _longest_run(kept) + 1)
    return [f"{fence}{language}", *kept.split("\n"), fence]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table; the first two columns are text, the others numbers."""
    rule = ["---", "---"] + ["---:"] * (len(header) - 2)
    return [f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |" for cells in (header, rule, *rows)]


def _longest_run(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)

"""Where a check of a relationship looks: the text of `to` in, the step and the column that it names out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

KIND = "relationship"


def related_step(options: Mapping[str, Any], ids: Collection[str]) -> tuple[str, str]:
    """Return step and column of `to`: a step, or a step and a column after a dot; the column is the check's own else.

    The step is empty when none has that name.

    >>> related_step({"column": "customer", "to": "customers.id"}, ["customers"])
    ('customers', 'id')
    >>> related_step({"column": "id", "to": "a.b"}, ["a.b", "a"]), related_step({"column": "id", "to": "c"}, ["a"])
    (('a.b', 'id'), ('', ''))
    """
    text, own = str(options.get("to", "")), str(options.get("column", ""))
    if text in ids:
        return text, own
    step, dot, column = text.rpartition(".")
    return (step, column) if dot and column and step in ids else ("", "")

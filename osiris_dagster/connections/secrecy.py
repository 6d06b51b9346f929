"""Fields of a connection in, the values among them that are secrets out: those in fields with the name of a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_NAME = re.compile(r"passw|pwd|secret|token|credential|auth|dsn|connection_?string|(?:^|_)key$", re.IGNORECASE)


def secrets_in(fields: Any, named: Collection[str], *, secret: bool = False) -> Iterator[str | int | float]:
    """Yield the values in secret fields, at any depth; `named` are fields that the component specs call secret."""
    if isinstance(fields, Mapping):
        for name, item in fields.items():
            yield from secrets_in(item, named, secret=secret or name in named or _NAME.search(name) is not None)
    elif isinstance(fields, list):
        for item in fields:
            yield from secrets_in(item, named, secret=secret)
    elif secret and fields is not None and not isinstance(fields, bool):
        yield fields

"""The last look at finished bytes: whatever still has the shape of a secret keeps the package from leaving."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.redaction import secret_shapes


def tripwire(core: bytes, card: bytes) -> tuple[Finding, ...]:
    """Return one finding for each kind of secret, with how often it was seen; never any of the text."""
    seen = Counter(kind for text in (*_strings(json.loads(core)), card.decode()) for kind in secret_shapes(text))
    return tuple(Finding(f"looks like a secret: {kind}, in {times} places") for kind, times in sorted(seen.items()))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)

"""One byte form per value: canonical JSON, digests, and names that are safe in ids, paths and keys."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Return UTF-8 JSON with sorted keys and no spaces; NaN and infinities are refused with ValueError."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def readable_json(value: Any) -> str:
    """Return indented JSON with sorted keys and a final newline, for people and for diffs."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256(data: bytes | str) -> str:
    """Return the hex digest of bytes, or of text as UTF-8."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def fingerprint(value: Any) -> str:
    """Return `sha256:<hex>` over the canonical JSON of a value."""
    return "sha256:" + sha256(canonical_json(value))


def slug(text: str) -> str:
    """Return `text` in [a-z0-9_-]; a changed text gets 8 hex of its digest, so two texts never meet.

    >>> slug("orders-daily"), slug("Orders daily")
    ('orders-daily', 'orders-daily-562f6c50')
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")[:64]
    if plain == text and plain:
        return plain
    return f"{plain or 'x'}-{sha256(text)[:8]}"

"""Names that pipelines, steps and datasets have outside OML: parts of asset keys, and plain identifiers. Stable."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from osiris_dagster.canonical import sha256

if TYPE_CHECKING:  # `validate` asks for names, and makes no manifest
    from osiris_dagster.compiler.manifest import Manifest

_NO_IDENTIFIER = re.compile(r"[^A-Za-z0-9]")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


def key_part(text: str) -> str:
    """Return `text` as one part of a key; what a key may not hold is replaced, and a digest keeps it apart.

    >>> key_part("orders-daily"), key_part("Müller & Co")
    ('orders-daily', 'M_ller_Co-31e1d79a')
    """
    if _PLAIN.fullmatch(text):
        return text
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', text)}-{sha256(text)[:8]}"


def identifier(text: str) -> str:
    """Return a text with everything but ASCII letters and digits as `_`."""
    return _NO_IDENTIFIER.sub("_", text)


def step_parts(manifest: Manifest) -> dict[str, tuple[str, str]]:
    """Return the key parts of each step: (pipeline, step)."""
    parts = {step.id: key_part(step.id) for step in manifest.steps}
    # Dagster names the outputs of `a-b` and `a.b` alike, `a_b`: steps that meet there get a digest.
    outputs = {step: identifier(part) for step, part in parts.items()}
    meeting = Counter(outputs.values())
    pipeline = key_part(manifest.pipeline)
    return {
        step: (pipeline, part if meeting[outputs[step]] == 1 else f"{part}-{sha256(step)[:8]}")
        for step, part in parts.items()
    }

"""Gate 2, `context`: the packaged context is inline, nothing is fetched, the prefixes belong to this document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osiris_dagster.aiop.gates.document import Document
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.model.context import CONTEXT_SHA256
from osiris_dagster.canonical import canonical_json, sha256


def context_gate(document: Document) -> list[Finding]:
    """Find a context that is remote, changed, nested, or whose prefixes name another run."""
    value = document.value
    contexts = value.get("@context")
    if not isinstance(contexts, list) or len(contexts) != 2 or not all(isinstance(part, dict) for part in contexts):
        return [Finding("the context must be a list of the packaged context and the prefixes r and p", "@context")]
    packaged, prefixes = contexts
    found = [Finding("a context inside the document", where) for where in _nested(value)]
    if sha256(canonical_json(packaged)) != CONTEXT_SHA256:
        found.append(Finding("the context is not the packaged one", "@context[0]"))
    if value.get("metadata", {}).get("context_sha256") != CONTEXT_SHA256:
        found.append(Finding("the digest of the context is not that of the packaged one", "metadata.context_sha256"))
    expected = {"r": f"{_id(value, 'run')}/", "p": f"{_id(value, 'pipeline')}/"}
    if prefixes != expected:
        found.append(Finding(f"the prefixes must be {expected}", "@context[1]"))
    return found


def _id(value: dict[str, Any], key: str) -> str:
    return str(value.get(key, {}).get("@id", ""))


def _nested(value: Any, where: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested(item, f"{where}[{index}]")
    elif isinstance(value, dict):
        if where and "@context" in value:
            yield where
        for key, item in value.items():
            if key != "@context":
                yield from _nested(item, f"{where}.{key}".lstrip("."))

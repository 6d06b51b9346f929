"""The last look at finished bytes: whatever still has the shape of a secret keeps the package from leaving."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.files.annex import read_lines
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.model.shards import Shard
from osiris_dagster.redaction import secret_shapes


def tripwire(content: Mapping[str, bytes], folder: Path, shards: Iterable[Shard]) -> tuple[Finding, ...]:
    """Return one finding for each kind of secret, with how often it was seen; never any of the text."""
    texts = (text for name, data in content.items() for text in _texts(name, data))
    lines = (_strings(json.loads(line)) for shard in shards for line in read_lines(folder / shard.file))
    seen = Counter(kind for text in chain(texts, chain.from_iterable(lines)) for kind in secret_shapes(text))
    return tuple(Finding(f"looks like a secret: {kind}, in {times} places") for kind, times in sorted(seen.items()))


def _texts(name: str, data: bytes) -> Iterator[str]:
    """Yield the texts of a file as they are meant: of JSON the strings, without its escapes."""
    if name.endswith((".jsonl", ".ndjson")):
        for line in data.splitlines():
            yield from _strings(json.loads(line))
    elif name.endswith((".json", ".jsonld")):
        yield from _strings(json.loads(data))
    else:
        yield data.decode()


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

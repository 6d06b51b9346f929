"""The reference page of every key of OML, from the rows of the keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from terms import table

from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.keys.step import CHECKS
from osiris_dagster.specs.schema_faults import describe

_INTRODUCTION = (
    "All keys that a document and its steps may have, in the order in which `osiris fmt` puts them. "
    "The options of a step's `config` are those of its [component](components.md)."
)


def keys_page() -> str:
    """Return the page: the keys of a document, of a step, of their blocks, and the types of data checks."""
    parts = ["# Keys of OML", _INTRODUCTION, "## A document", *_place(DOCUMENT), "## A step", *_place(STEP)]
    parts += ["## Data checks", "Each has its `type`, and may have `name` and `severity`.", _checks()]
    return "\n\n".join(parts) + "\n"


def _place(keys: Mapping[str, Key]) -> Iterator[str]:
    rows = sorted(keys.values(), key=lambda key: key.line)
    yield table(
        ("key", "since", "meaning", "example"),
        ((_taken(key), _since(key), key.means, f"`{key.example}`") for key in rows),
    )
    for key in rows:
        if key.keys:
            yield f"### `{key.name}`"
            yield table(("key", "value", "default", "meaning"), (_inner(key, inner) for inner in key.keys))


def _since(key: Key) -> str:
    return f"{key.since}, with a meaning since {key.meant_since}" if key.meant_since else key.since


def _inner(key: Key, inner: Key) -> tuple[str, ...]:
    default = key.defaults.get(inner.name)
    shown = "required" if inner.required else "" if default is None else f"`{json.dumps(default)}`"
    value = inner.reading[1] if inner.reading else describe(inner.shape or {})
    means = f"{inner.means} Not supported yet: {inner.not_yet}." if inner.not_yet else inner.means
    return f"`{inner.name}`", value, shown, means


def _checks() -> str:
    rows = ((f"`{name}`", ", ".join(map(_taken, check.keys)), check.means) for name, check in CHECKS.items())
    return table(("type", "takes", "fails when"), rows)


def _taken(key: Key) -> str:
    return f"`{key.name}`" + " (required)" * key.required

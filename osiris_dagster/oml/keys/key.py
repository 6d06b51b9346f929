"""What there is to say about a key of OML: one frozen row. A key of a block is a row inside of the block's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from osiris_dagster.oml.model import VERSIONS
from osiris_dagster.oml.times import cron_fault, duration_fault, moment_fault

Schema = Mapping[str, Any]
Kind = tuple[type, str]  # of a plain value: as YAML gives it, and in words
Reading = tuple[Callable[[str], str], str]  # of a text: what is wrong with it, empty for nothing; how it is written
UNKNOWN = 500
"""The line of all keys that have no row."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key. What a field does not say is not so. Rows are compared and kept in caches as objects."""

    name: str
    means: str  # a sentence for the reference page
    example: str = ""  # of the key with a value
    # where it stands
    line: int = 0  # its rank in the canonical layout; beyond UNKNOWN it comes after the keys that nobody knows
    since: str = VERSIONS[0]
    meant_since: str = ""  # the version that gave a meaning to a key which could stand before; else `since`
    required: bool = False
    # what it looks like
    kind: Kind | None = None  # OML022 and OML032 tell a value of another type
    rule: str = ""  # the code under which faults of `shape`, `keys` and `reading` are told
    shape: Schema | None = None  # of the value, beside or instead of a mapping with `keys`
    keys: tuple[Key, ...] = ()  # of the block: of the mapping, or of each mapping in a list
    reading: Reading | None = None
    # what else it may be called
    words: str = ""  # by other tools
    formerly: str = ""  # by earlier versions; `osiris upgrade` renames these
    fits: type | tuple[type, ...] | None = None  # what a value must be to rename another word unasked; else by `kind`
    # where it goes
    block: Callable[..., Any] | None = None  # the part of the model that holds the mapping, or each of the list
    manifest: str = ""  # its name in the manifest, which has it if it is set; empty when the compiler writes it by hand
    params: tuple[str, ...] = ()  # fields of the block in which parameters are filled in
    partition: bool = False  # placeholders of a partition are filled in
    rows: bool = False  # it decides which rows a step hands on, so that a checkpoint without it is another one
    not_yet: str = ""  # what happens instead, for what this version does not do yet; its default is what happens anyway
    read_by: str = ""  # the modules that act on it; a key of a block may leave that to the block

    def stands_in(self, version: str) -> bool:
        """Tell whether the key may stand in a document of a version."""
        return VERSIONS.index(self.since) <= VERSIONS.index(version)

    def means_in(self, version: str) -> bool:
        """Tell whether the key means something in a document of a version."""
        return VERSIONS.index(self.meant_since or self.since) <= VERSIONS.index(version)

    @property
    def others(self) -> tuple[str, ...]:
        """All words that other tools and earlier versions have for it."""
        return (*self.words.split(), *self.formerly.split())

    @property
    def renamed_for(self) -> type | tuple[type, ...]:
        """The types of value with which another word is renamed to this key without asking."""
        return self.fits or (self.kind[0] if self.kind else object)

    @property
    def schema(self) -> Schema | None:
        """The JSON Schema of the value: `shape`, a mapping of `keys`, or either; of a list without its items."""
        if not self.keys or (self.shape and self.shape["type"] == "array"):
            return self.shape
        mapping = mapping_schema(self.keys)
        return {"anyOf": [self.shape, {**mapping, "minProperties": 1}]} if self.shape else mapping

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What the keys of the block stand for when they are left out; those without a default are not in it."""
        found = fields(self.block) if isinstance(self.block, type) else ()
        return {field.name: field.default for field in found if field.default not in (MISSING, "", ())}

    def held(self, value: Any) -> Any:
        """Return a value from YAML or JSON as the model holds it: blocks for mappings, tuples for lists."""
        if isinstance(value, list):
            return tuple(self._one(item) for item in value)
        return self._one(value)

    def _one(self, item: Any) -> Any:
        if self.block is None or not isinstance(item, Mapping):
            return item
        return self.block(**{name: tuple(part) if isinstance(part, list) else part for name, part in item.items()})


def mapping_schema(keys: tuple[Key, ...]) -> Schema:
    """Return the JSON Schema of a mapping with these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in keys if key.required],
        "properties": {key.name: key.shape for key in keys},
    }


def one_of(values: str) -> Schema:
    """Return the schema of one of some words."""
    return {"enum": values.split()}


def texts(**limits: Any) -> Schema:
    """Return the schema of a list of texts."""
    return {"type": "array", "items": TEXT, **limits}


STRING: Kind = (str, "text")
MAPPING: Kind = (dict, "a mapping")
TEXT: Schema = {"type": "string", "minLength": 1}
DURATION: Schema = {"type": "string", "minLength": 1, "examples": ["26h"]}
CRON: Reading = (cron_fault, "five fields such as 15 3 * * *")
DATE: Reading = (moment_fault, "a date such as 2025-01-01")


def lasting(example: str) -> Reading:
    """Return the reading of a duration."""
    return duration_fault, f"a duration such as {example}"

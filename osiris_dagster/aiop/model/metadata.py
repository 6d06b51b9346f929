"""About the package itself: what the metadata layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from osiris_dagster.aiop.facts.options import SHARDS
from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import (
    Count,
    Items,
    Maybe,
    Ordinal,
    Sha256,
    ShardId,
    Text,
    VersionId,
    fixed,
    one_of,
    pattern,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareVersion(Node):
    """A piece of software and its version in the run."""

    KINDS = ("SoftwareVersion", "schema:SoftwareApplication")
    id: VersionId
    name: Text
    code_version: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation(Node):
    """How much of one kind of content was left out; `annex` is the shard that has all of it."""

    KINDS = ("Truncation",)
    id: Annotated[str, pattern(f"^r:truncation/{NAME}$")]
    section: Text
    kept: Count
    dropped: Ordinal
    annex: Maybe[ShardId]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnexShard(Node):
    """One file of the annex, as JSON lines; size and digest are those of the text before it was compressed."""

    KINDS = ("AnnexShard", "prov:Entity")
    id: ShardId
    name: Annotated[str, one_of(*SHARDS)]
    path: Annotated[str, pattern(r"^annex/[a-z]+\.ndjson(\.gz|\.zst)?$")]
    records: Count
    size_bytes: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """An option under which the package was made, and who set it: cli, env, file or default."""

    KINDS = ("Setting",)
    id: Annotated[str, pattern("^r:setting/[a-z_]+$")]
    name: Text
    setting: Text
    set_by: Annotated[str, one_of("cli", "env", "file", "default")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeHint(Node):
    """How large a part of this document is: bytes, and tokens at four bytes each."""

    KINDS = ("SizeHint",)
    id: Annotated[str, pattern("^r:size/[a-z]+$")]
    section: Text
    size_bytes: Ordinal
    tokens: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction(Node):
    """How many masked places of one kind the package has."""

    KINDS = ("Redaction",)
    id: Annotated[str, pattern(f"^r:redaction/{NAME}$")]
    kind: Text
    count: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Node):
    """A word of this document, explained."""

    KINDS = ("Term", "schema:DefinedTerm")
    id: Annotated[str, pattern(f"^r:glossary/{NAME}$")]
    name: Text
    description: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataLayer(Node):
    """About the package itself."""

    KINDS = ("MetadataLayer",)
    id: Annotated[str, fixed("r:layer/metadata")]
    schema_version: Annotated[str, pattern(r"^1\.[0-9]+\.[0-9]+$")]
    generator: Annotated[str, fixed("osiris-dagster")]
    context_sha256: Sha256
    primer: Text
    withheld_values: Count
    annex_root: Maybe[Sha256]
    shards: Annotated[tuple[AnnexShard, ...], Items(most=5)]
    settings: Annotated[tuple[Setting, ...], Items(least=1)]
    size_hints: Annotated[tuple[SizeHint, ...], Items(least=7, most=7)]
    versions: tuple[SoftwareVersion, ...]
    truncations: tuple[Truncation, ...]
    redactions: tuple[Redaction, ...]
    glossary: Annotated[tuple[Term, ...], Items(least=1)]

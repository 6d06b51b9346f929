"""Columns of steps, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from osiris_dagster.aiop.model.ids import NAME
from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import ColumnId, DatasetId, Flag, Maybe, Ordinal, Text, one_of, pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn(Node):
    """A column of a table or file that a column of a step is made of."""

    KINDS = ("SourceColumn", "prov:Entity")
    id: Annotated[str, pattern(f"^p:step/{NAME}/column/{NAME}/source/[0-9]+$")]
    dataset: DatasetId
    name: Maybe[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Node):
    """A named, typed column of a step's rows, and what it is made of: columns of steps before, or of datasets.

    `derivation`: identity, transformation, aggregation, or unknown; absent where nothing was worked out.
    """

    KINDS = ("Column", "prov:Entity", "csvw:Column")
    TERMS: ClassVar = {
        "data_type": "csvw:datatype",
        "derived_from": "prov:wasDerivedFrom",
        "read_from": "prov:hadPrimarySource",
    }
    id: ColumnId
    seq: Ordinal
    name: Maybe[Text]
    data_type: Text
    nullable: Flag
    derivation: Maybe[Annotated[str, one_of("identity", "transformation", "aggregation", "unknown")]]
    derived_from: tuple[ColumnId, ...]
    read_from: tuple[SourceColumn, ...]

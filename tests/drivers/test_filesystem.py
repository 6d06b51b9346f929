"""The filesystem family against the shared suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from osiris_dagster.arrow import type_name
from osiris_dagster.testing.conformance import AppendConformance, DriverConformance, Store

SPANS = frozenset({"duration", "duration[s]", "duration[ms]", "duration[ns]", "interval"})
NESTED = frozenset(
    {"list<int64>", "struct<a: int32, b: string>", "map<string, int64>", "list<struct<a: list<decimal(5,2)>>>"}
)


def declared(schema: pa.Schema) -> Mapping[str, Any]:
    """A CSV file knows no types, so the reader is told them; a column without values is text."""
    types = {field.name: type_name(field.type) for field in schema}
    told = {"null": "string", "decimal(6,-2)": "decimal(8,0)"}
    return {"dtype": {name: told.get(kind, kind) for name, kind in types.items()}}


class TestCsv(AppendConformance):
    store = Store(
        "filesystem.csv_extractor",
        "filesystem.csv_writer",
        place=lambda name: {"path": f"data/{name}.csv"},
        refused=SPANS | NESTED | {"binary", "fixed(3)"},
        changed={"null": "string", "decimal(6,-2)": "decimal(8,0)"},
        reading=declared,
    )


class TestParquet(DriverConformance):
    store = Store(
        "filesystem.parquet_extractor",
        "filesystem.parquet_writer",
        place=lambda name: {"path": f"data/{name}.parquet"},
        refused=frozenset({"interval"}),
        changed={
            "time[s]": "time[ms]",
            "timestamp[s]": "timestamp[ms]",
            "timestamptz[s]": "timestamptz[ms]",
            "decimal(6,-2)": "decimal(8,0)",
        },
    )

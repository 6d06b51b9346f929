"""The faults of `faults.yaml`, one for each family and mode that they name: tables before, files and the OML to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.matrix.pairs import FAMILIES, TABLE

_USUAL = (
    f"create table {TABLE} (id bigint primary key, name varchar(20))",
    f"insert into {TABLE} values (1, 'a'), (2, null)",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one family, in one mode of its writer (none when it is read)."""

    number: int  # of docs/faults.md
    name: str
    family: str
    before: tuple[str, ...]  # SQL
    oml: str  # with the connection `db` of the family
    files: Mapping[str, bytes]
    connection: Mapping[str, Any] = field(default_factory=dict)  # fields that are wrong on purpose


def faults() -> Iterator[Fault]:
    """Yield every fault."""
    for entry in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8")):
        for family in entry.get("families", FAMILIES):
            for mode in entry.get("modes", ["append"]):
                yield _fault(entry, family, mode)


def _fault(entry: dict[str, Any], family: str, mode: str) -> Fault:
    read, files = _reading(entry, family)
    connection = f"@{family}.db"
    write: dict[str, Any] = {"component": f"{family}.writer", "mode": "write"}
    write["config"] = {"connection": connection, "table": TABLE, "write_mode": mode, **entry.get("options", {})}
    if "read" in entry:
        write = {"component": "filesystem.csv_writer", "mode": "write", "config": {"path": "read.csv"}}
    steps = [{"id": "rows", **read}, {"id": "load", **write}]
    oml = yaml.safe_dump({"oml_version": "0.2.0", "name": "fault", "steps": steps}, allow_unicode=True)
    name = f"{family} {mode}: {entry['name']}"
    before = tuple(entry.get("before", _USUAL))
    return Fault(entry["fault"], name, family, before, oml, files, entry.get("connection", {}))


def _reading(entry: dict[str, Any], family: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the step that brings the rows, and the files that it reads."""
    if "query" in entry:
        return {"component": "duckdb.processor", "mode": "transform", "config": {"query": entry["query"]}}, {}
    if "read" in entry:
        config = {"connection": f"@{family}.db", **entry["read"]}
        return {"component": f"{family}.extractor", "mode": "read", "config": config}, {}
    file = entry["file"]
    content = bytes.fromhex(file["hex"]) if "hex" in file else file["text"].encode()
    config = {"path": "rows.csv", **({"dtype": file["types"]} if "types" in file else {})}
    return {"component": "filesystem.csv_extractor", "mode": "read", "config": config}, {"rows.csv": content}

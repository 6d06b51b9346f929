"""The matrix of `pairs.yaml`: rows of one type, written in one mode to a table whose column has another type already.

A pair is plain text and SQL, so that a test can hand it to a driver, and a tool to the command of any checkout.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DIMENSIONS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("pairs.yaml").read_text("utf-8"))
FAMILIES: tuple[str, ...] = tuple(DIMENSIONS["families"])
MODES: tuple[str, ...] = tuple(DIMENSIONS["modes"])
TABLE, SOURCE = "target", "source"


@dataclass(frozen=True, slots=True)
class Pair:
    """Rows with columns `id` and `v`, and the table they are written to, which has rows with the ids 1 and 9."""

    family: str
    mode: str
    source: str
    native: bool  # the rows come from a table `source` of the same database, else from SQL of DuckDB
    target: str
    values: tuple[str, ...]  # SQL, for ids from 1
    before: str  # SQL

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.family} {self.mode}: {self.source}{' (its own)' if self.native else ''} into {self.target}"

    def statements(self) -> tuple[str, ...]:
        """Return the SQL that makes the tables as they are before the run."""
        key = DIMENSIONS["families"][self.family]["key"]
        made = [
            f"create table {TABLE} (id {key} primary key, v {self.target})",
            f"insert into {TABLE} values (1, {self.before}), (9, {self.before})",
        ]
        if self.native:
            rows = ", ".join(f"({number}, {value})" for number, value in enumerate(self.values, 1))
            made += [f"create table {SOURCE} (id bigint, v {self.source})", f"insert into {SOURCE} values {rows}"]
        return tuple(made)

    def pipeline(self, connection: str, **options: Any) -> str:
        """Return the OML that writes the rows, by a connection such as `@mysql.db`."""
        first = 1 if self.mode == "upsert" or self.native else 2
        rows = ", ".join(f"({number}, {value})" for number, value in enumerate(self.values, first))
        read = {"id": "rows", "component": "duckdb.processor", "mode": "transform"}
        read["config"] = {"query": f"select id::bigint as id, v from (values {rows}) as t(id, v)"}  # type: ignore[assignment]
        if self.native:
            read |= {"component": f"{self.family}.extractor", "mode": "read"}
            where = "id > 1" if self.mode == "append" and len(self.values) > 1 else "id > 0"
            query = f"select id, v from {SOURCE} where {where} order by id"
            read["config"] = {"connection": connection, "query": query}  # type: ignore[assignment]
        config = {"connection": connection, "table": TABLE, "write_mode": self.mode, "primary_key": "id", **options}
        write = {"id": "load", "component": f"{self.family}.writer", "mode": "write", "config": config}
        return yaml.safe_dump({"oml_version": "0.2.0", "name": "pair", "steps": [read, write]}, allow_unicode=True)


def pairs() -> Iterator[Pair]:
    """Yield every pair of the matrix."""
    for family, own in DIMENSIONS["families"].items():
        sources = [(name, False, values) for name, values in DIMENSIONS["sources"].items()]
        sources += [(name, True, values) for name, values in own["native"].items()]
        for source, native, values in sources:
            for target, before in own["targets"].items():
                for mode in MODES:
                    yield Pair(family, mode, source, native, target, tuple(values), before)


def some_pairs(count: int, seed: int = 0) -> list[Pair]:
    """Return so many pairs, spread over families and modes, such that each source and each target of a family occurs.

    Equal seeds choose equal pairs. ValueError when there are not so many, or too few to name every type.
    """
    chance = random.Random(seed)
    groups: dict[str, list[Pair]] = {}
    for pair in pairs():
        groups.setdefault(pair.family, []).append(pair)
    chosen: list[Pair] = []
    for number, members in enumerate(groups.values()):
        share = count // len(groups) + (number < count % len(groups))
        chosen += _spread(members, share, chance)
    return chosen


def _spread(members: Sequence[Pair], share: int, chance: random.Random) -> list[Pair]:
    """Take pairs in a random order, those first that bring a type or a mode that was met least."""
    left = chance.sample(members, len(members))
    if share > len(left):
        raise ValueError(f"there are {len(left)} pairs of {left[0].family}, not {share}")
    met: dict[tuple[str, str], int] = {}
    taken = []
    for _ in range(share):
        pair = min(left, key=lambda each: sum(met.get(value, 0) for value in _values(each)))
        left.remove(pair)
        taken.append(pair)
        for value in _values(pair):
            met[value] = met.get(value, 0) + 1
    return taken


def _values(pair: Pair) -> tuple[tuple[str, str], ...]:
    source = f"{pair.source}{pair.native}"
    return (("source", source), ("target", pair.target), ("mode", pair.mode), ("mode of source", source + pair.mode))

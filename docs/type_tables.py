"""The conformance suite in, the page of types out: what each type becomes on its way from store to store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from osiris_dagster.testing.conformance import Store
from osiris_dagster.testing.values import VALUES
from tests.drivers.mysql_types import CASES
from tests.drivers.test_duckdb import TestDuckDB
from tests.drivers.test_filesystem import TestCsv, TestParquet
from tests.drivers.test_mysql import STORE
from tests.drivers.test_postgres import TestPostgres
from tests.drivers.test_sqlite import TestSQLite

ROOT = Path(__file__).resolve().parent.parent
STORES: dict[str, Store] = {
    "DuckDB": TestDuckDB.store,
    "PostgreSQL, Supabase": TestPostgres.store,
    "MySQL, MariaDB": STORE,
    "SQLite": TestSQLite.store,
    "Parquet": TestParquet.store,
    "CSV": TestCsv.store,
}
INTRODUCTION = """\
Types come from the catalogue of a source, never from its values, and travel between steps under the names on the left.
The tables are made from the tests that every connector passes: each cell was written to a real store and read back,
with the awkward values of its type. **exact** means that type and values come back as they were; `another type` that
the values come back equal under that type; **refused** that the step ends with the name of the column, before anything
is written. A CSV file has no types: it is read back with the types declared.

What a policy changes (zero dates, infinities, `numeric` without digits, TIME beyond a day) stands on the pages of
[MySQL](mysql.md) and [PostgreSQL](postgresql.md); each such value is counted in the notes of the run. The texts that
[SQLite](sqlite.md) keeps decimals and times as stand on its page."""


def types_page() -> str:
    """Return the page."""
    parts = ["# Types", INTRODUCTION, "## Into a store and back", _table("type", ((kind, kind) for kind in VALUES))]
    postgres = yaml.safe_load((ROOT / "tests" / "drivers" / "postgres_types.yaml").read_text("utf-8"))
    parts += ["## From PostgreSQL", _sources((name, entry["as"]) for name, entry in postgres.items())]
    parts += ["## From MySQL and MariaDB", _sources((case.declared, case.read_as) for case in CASES)]
    return "\n\n".join(parts) + "\n"


def _sources(pairs: Iterable[tuple[str, str]]) -> str:
    seen = dict(pairs)
    return _table("type of the source", seen.items(), between=True)


def _table(title: str, rows: Iterable[tuple[str, str]], *, between: bool = False) -> str:
    heads = [title, *(["between steps"] if between else []), *STORES]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, kind in rows:
        cells = [f"`{name}`", *([f"`{kind}`"] if between else []), *_cells(kind)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def _cells(kind: str) -> Iterator[str]:
    for store in STORES.values():
        tested = _tested(kind)
        if tested in store.refused:
            yield "refused"
        else:
            became = store.changed.get(tested, tested)
            yield "exact" if became == tested else f"`{became}`"


def _tested(kind: str) -> str:
    """Return the type of the suite that stands for this one: digits, lengths and items do not matter."""
    if kind in VALUES:
        return kind
    if digits := re.fullmatch(r"decimal\((\d+),(-?\d+)\)", kind):
        return "decimal(5,2)" if int(digits[1]) <= 38 else "decimal(50,20)"
    for begin, tested in (("fixed(", "fixed(3)"), ("list<", "list<int64>"), ("map<", "map<string, int64>")):
        if kind.startswith(begin):
            return tested
    raise KeyError(kind)

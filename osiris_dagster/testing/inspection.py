"""What every family that can be asked has to answer, as tests to inherit:

    class TestShop(InspectionConformance):
        source = Source("shop.extractor", "shop.writer", connection={...}, place=lambda name: {"table": name}, ...)

The tests write tables with the family's own writer and compare the answers with what its extractor says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args

import pyarrow as pa
import pytest

from osiris_dagster.arrow import columns_of
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.columns import is_type
from osiris_dagster.connections.doctor import probe_one
from osiris_dagster.drivers.inspection import Category, ConnectionCall, FoundTable, Inspector
from osiris_dagster.drivers.registry import open_inspector
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.redaction import Redactor
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.testing.workbench import Workbench

SECRET = "s3cr3t-of-the-connection"
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": ["a", None, ""],
        "share": pa.array([0.5, None, 1.5], pa.float64()),
        "sold": pa.array([1, 2, 3], pa.date32()),
    }
)


@dataclass(frozen=True)
class Source:
    """What a family declares about its store."""

    extractor: str
    writer: str
    connection: Mapping[str, Any]
    place: Callable[[str], Mapping[str, Any]]  # name of a table or file -> options of both components
    shown: Callable[[str], tuple[str, str]]  # the same name -> schema and name in an answer
    broken: Mapping[Category, Mapping[str, Any]] = field(default_factory=dict)  # category -> fields that lead to it
    has_server: bool = True  # whether there is a product with a version behind the connection


class InspectionConformance:
    """A subclass sets `source`."""

    source: ClassVar[Source]

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Workbench:
        bench = Workbench(tmp_path, {"token": SECRET, **self.source.connection})
        self.write(bench, "one", ROWS)
        return bench

    def write(self, bench: Workbench, name: str, rows: pa.Table) -> None:
        bench.write(self.source.writer, {**self.source.place(name), "write_mode": "replace"}, rows)

    @contextmanager
    def opened(self, bench: Workbench, **fields: Any) -> Iterator[Inspector]:
        with closing(open_inspector(self.spec, self.call(bench, **fields))) as inspector:
            yield inspector

    @property
    def spec(self) -> ComponentSpec:
        return load_catalogue()[self.source.extractor]

    def call(self, bench: Workbench, **fields: Any) -> ConnectionCall:
        return ConnectionCall("@family.alias", {**bench.connection, **fields}, bench.project)

    def names(self, bench: Workbench, pattern: str = "") -> set[tuple[str, str]]:
        with self.opened(bench) as inspector:
            return {(table.schema, table.name) for table in inspector.tables(pattern)}

    def test_a_connection_that_works_answers_with_its_server_and_its_latency(self, bench: Workbench) -> None:
        with self.opened(bench) as inspector:
            probe = inspector.probe()
        assert (probe.category, probe.ok) == ("ok", True)
        assert probe.latency_ms is not None
        assert probe.latency_ms >= 0
        assert bool(probe.server) == self.source.has_server

    def test_a_connection_that_does_not_work_is_told_by_category_with_a_way_out(self, bench: Workbench) -> None:
        assert self.source.broken
        for category, fields in self.source.broken.items():
            probe = probe_one(self.spec, self.call(bench, **fields), Redactor())
            assert probe.category == category
            assert probe.category in get_args(Category)
            assert probe.message
            assert probe.fix
            assert SECRET not in f"{probe}"
            with self.opened(bench, **fields) as inspector, pytest.raises((DriverError, ConfigError)) as caught:
                inspector.tables("")
            assert caught.value.first.fix
            assert SECRET not in f"{caught.value!r} {caught.value.first}"

    def test_columns_have_the_names_and_types_that_an_extractor_hands_on(self, bench: Workbench) -> None:
        with self.opened(bench) as inspector:
            (table,) = inspector.tables(self.source.shown("one")[1])
        expected = columns_of(bench.schema(self.source.extractor, self.source.place("one")))
        assert [(c.name, c.type) for c in table.columns] == [(c.name, c.type) for c in expected]
        assert all(is_type(column.type) and column.source_type for column in table.columns)
        assert table.rows is None or table.rows >= 0
        assert table.problem == ""

    def test_a_pattern_chooses_tables_and_system_tables_are_not_shown(self, bench: Workbench) -> None:
        self.write(bench, "other", ROWS.select(["id"]))
        one, other = self.source.shown("one"), self.source.shown("other")
        assert self.names(bench) == {one, other}
        assert self.names(bench, one[1].upper()) == {one}
        assert self.names(bench, "o*") >= {one, other}
        assert self.names(bench, "*th*") == {other}
        assert self.names(bench, "nothing-like-it") == set()

    def test_asking_changes_nothing(self, bench: Workbench) -> None:
        before = bench.read(self.source.extractor, self.source.place("one"))
        names = {path for path in bench.root.rglob("*") if ".osiris" not in path.parts}
        with self.opened(bench) as inspector:
            inspector.probe()
            inspector.tables("")
            inspector.stamp()
        assert {path for path in bench.root.rglob("*") if ".osiris" not in path.parts} == names
        assert bench.read(self.source.extractor, self.source.place("one")).equals(before)

    def test_answers_hold_no_secret_and_come_back_from_their_json_form(self, bench: Workbench) -> None:
        with self.opened(bench) as inspector:
            probe, tables = inspector.probe(), inspector.tables("")
        assert from_json(tuple[FoundTable, ...], to_json(tables)) == tables
        assert SECRET not in f"{to_json(probe)} {to_json(tables)}"

    def test_a_stamp_changes_with_the_tables_or_is_empty(self, bench: Workbench) -> None:
        stamps = []
        for columns in (["id"], ["id", "name"]):
            self.write(bench, "one", ROWS.select(columns))
            with self.opened(bench) as inspector:
                stamps.append(inspector.stamp())
                assert inspector.stamp() == stamps[-1]
        assert stamps[0] != stamps[1] or stamps == ["", ""]

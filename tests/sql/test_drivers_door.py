"""What the compiler refuses, the drivers of every family refuse as well, before anybody is called."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml

from osiris_dagster.drivers.base import TransformInput
from osiris_dagster.errors import OsirisError
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.sql.judge import check
from osiris_dagster.sql.refusal import SqlRefusedError
from osiris_dagster.testing.workbench import Workbench

CASES = yaml.safe_load((Path(__file__).parent / "source_sql.yaml").read_text("utf-8"))
GUARDS = yaml.safe_load((Path(__file__).parents[1] / "compiler" / "guard_cases.yaml").read_text("utf-8"))
FAMILIES = {spec.name: spec.sql for spec in load_catalogue() if spec.sql}
EMBEDDED = ("duckdb", "sqlite")
NOWHERE = {"host": "127.0.0.1", "port": 1, "user": "u", "password": "p", "database": "d", "connect_timeout": 1}
CONFIGS = [
    (component, code, text, {"query": "select 1 as a", "filter": text} if conditions else {"query": text})
    for component, rule in FAMILIES.items()
    for conditions in (False, True)
    for code, texts in CASES["refused_conditions" if conditions else "refused"][rule.dialect].items()
    for text in texts
    if text
]


@pytest.mark.parametrize(("component", "code", "text", "config"), CONFIGS)
def test_a_driver_refuses_what_does_more_than_read(
    tmp_path: Path, component: str, code: str, text: str, config: dict[str, Any]
) -> None:
    duckdb.connect(tmp_path / "a.duckdb").close()
    sqlite3.connect(tmp_path / "a.sqlite").close()
    dialect = FAMILIES[component].dialect
    bench = Workbench(tmp_path, {"path": f"a.{dialect}"} if dialect in EMBEDDED else NOWHERE)
    with bench.opened(component, config) as driver:
        if dialect not in EMBEDDED:
            driver.cancel()  # so that whoever would call a server is told that it is over
        with pytest.raises(OsirisError) as caught:
            driver.schema()
    found = caught.value.first
    if code == "CMP072" and dialect == "duckdb":
        assert found.code in ("DRV024", "DRV025")  # in DuckDB's own words
    elif is_harmless(text, dialect, condition="filter" in config):
        assert found.code == ("DRV024" if dialect == "sqlite" else "DRV028")  # the source was to say what is wrong
    else:
        assert found.code == "DRV023"
        assert found.fix


def is_harmless(text: str, dialect: str, *, condition: bool) -> bool:
    """Tell whether a text is merely not understood, so that the source itself may be asked."""
    with pytest.raises(SqlRefusedError) as caught:
        check(text, dialect, condition=condition)
    return caught.value.harmless


@pytest.mark.parametrize("case", GUARDS, ids=lambda case: case["query"])
def test_a_processor_reaches_nothing_but_its_inputs(tmp_path: Path, case: dict[str, str]) -> None:
    rows = TransformInput(("df_rows",), pa.table({"n": [1]}).to_reader(), scans=1)
    with pytest.raises(OsirisError) as caught:
        Workbench(tmp_path).transform(case["query"], rows)
    if case["code"] in ("CMP011", "CMP071"):
        assert caught.value.first.code == "DRV023"


def test_every_family_that_takes_sql_is_tried() -> None:
    assert {"duckdb.extractor", "mysql.extractor", "postgres.extractor", "supabase.extractor"} <= FAMILIES.keys()

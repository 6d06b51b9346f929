"""Types of steps: compiling says of a query what the driver hands over, and refuses what the driver refuses."""

from __future__ import annotations

from contextlib import suppress

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.arrow import columns_of, schema_of
from osiris_dagster.columns import Column
from osiris_dagster.compiler.sqltypes import NotCarriedError, create_empty, described, from_duckdb, quoted, to_duckdb
from osiris_dagster.drivers.duckdb.types import check_exported
from osiris_dagster.errors import CompileError, DriverError
from tests.compiler.compiling import compiled, lock_for

TYPES = """boolean tinyint smallint integer bigint hugeint utinyint usmallint uinteger ubigint uhugeint bignum
float double decimal(4,1) decimal(38,10) varchar blob bit date time time_ns timestamp timestamp_s timestamp_ms
timestamp_ns timestamptz timetz interval uuid json variant enum('a','b') integer[] integer[3] varchar[][]
struct(a|integer,"b,|c"|decimal(9,2)) map(varchar,double) union(n|integer,s|varchar) bit[] struct(u|uhugeint)
map(varchar,bit)""".split()
KINDS = [kind.replace("|", " ") for kind in TYPES]
ODD_TABLE = 'an "odd" name'
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8) | st.text(
    'ab",:<>() ', min_size=1
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_compiles_exactly_when_the_driver_hands_its_columns_over(kind):
    query = f"select null::{kind} as value"
    with duckdb.connect() as session:
        relation = session.sql(query)
        try:
            check_exported(relation.columns, relation.types)
        except DriverError:
            with pytest.raises(NotCarriedError):
                described(session, query)
        else:
            assert described(session, query) == columns_of(relation.to_arrow_reader(10).schema)


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_a_query_make_a_table_with_the_same_columns(kind):
    query = f"select null::{kind} as value"
    with duckdb.connect() as session, suppress(NotCarriedError):
        columns = described(session, query)
        create_empty(session, "again", columns)
        assert described(session, "from again") == columns


@settings(deadline=None, max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold), st.booleans())
def test_columns_and_fields_of_any_name_flow_from_step_to_step(names, nested):
    fields = {name: pa.int32() for name in names}
    schema = pa.schema([("s", pa.struct(fields.items()))] if nested else fields.items())
    columns = columns_of(schema)
    assert schema_of(columns) == schema
    with duckdb.connect() as session:
        create_empty(session, ODD_TABLE, columns)
        assert described(session, f"select * from {quoted(ODD_TABLE)}") == columns


@pytest.mark.parametrize("kind", [k for k in KINDS if "(" not in k and "[" not in k])
def test_a_name_of_the_table_goes_both_ways(kind):
    with duckdb.connect() as session:
        sql = str(session.sql(f"select null::{kind} as v").types[0])
    name = from_duckdb(sql)
    assert name is None or to_duckdb(name) == sql


def test_a_decimal_too_wide_for_duckdb_has_no_type_there():
    assert to_duckdb("decimal(38,2)") == "DECIMAL(38,2)"
    assert to_duckdb("decimal(39,2)") is None


def test_a_writer_has_the_columns_of_its_input_and_none_of_an_unknown_one():
    text = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {path: a.duckdb, table: t}}
  - {id: out, component: duckdb.writer, mode: write, config: {path: b.duckdb, table: t}}
"""
    assert compiled(text).manifest.step("out").columns is None
    lock = lock_for(text, {"rows": {"id": "int64"}})
    assert compiled(text, lock=lock).manifest.step("out").columns == (Column("id", "int64"),)


def test_a_lock_whose_columns_duckdb_cannot_tell_apart_does_not_bind():
    text = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {path: a.duckdb, table: t}}
  - {id: all, component: duckdb.processor, mode: transform, config: {query: select * from df_rows}}
"""
    with pytest.raises(CompileError) as caught:
        compiled(text, lock=lock_for(text, {"rows": {"id": "int64", "ID": "int64"}}))
    assert "id" in caught.value.first.message.lower()

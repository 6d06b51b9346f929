"""Extractors are told which columns are read after them, and are held to those."""

from __future__ import annotations

import pyarrow as pa
import pytest

from osiris_dagster.columns import Column

CHAIN = """
a extractor
b processor < a
c writer < b
"""
TWO = (Column("n", "int64"), Column("m", "int64"))
QUERY = {"component": "sql.processor", "config": {"query": "select n from df_a"}}


def test_only_the_columns_that_the_query_reads_are_asked_for(lab):
    outcome = lab.run(lab.manifest(CHAIN, a={"columns": TWO}, b=QUERY))
    assert lab.calls["a"].wanted == ("n",)
    assert lab.written("c") == [1, 2, 3]
    assert outcome.reports["a"].notes == ("not read, as no step needs them: m",)


def test_a_driver_may_hand_on_all_columns_all_the_same(lab):
    batch = pa.record_batch({"n": [7], "m": [8]})
    config = {"schema": batch.schema, "batches": [batch]}
    outcome = lab.run(lab.manifest(CHAIN, a={"columns": TWO, "config": config}, b=QUERY))
    assert lab.written("c") == [7]
    assert outcome.reports["a"].columns == TWO
    assert outcome.reports["a"].notes == ()


def test_a_driver_that_hands_on_others_breaks_its_promise(lab):
    batch = pa.record_batch({"x": [7]})
    config = {"schema": batch.schema, "batches": [batch]}
    outcome = lab.run(lab.manifest(CHAIN, a={"columns": TWO, "config": config}, b=QUERY))
    assert outcome.failures["a"].error.code == "RUN012"


@pytest.mark.parametrize(
    ("text", "columns", "query"),
    [
        (CHAIN, None, "select n from df_a"),
        (CHAIN, TWO, "select * from df_a"),
        (CHAIN, TWO, "select nope from df_a"),
        (CHAIN + "d writer < a\n", TWO, "select n from df_a"),
    ],
    ids=["columns unknown before the run", "all are read", "a query that does not bind", "another step reads them too"],
)
def test_otherwise_all_columns_are_asked_for(lab, text, columns, query):
    batch = pa.record_batch({"n": [7], "m": [8]})
    config = {"schema": batch.schema, "batches": [batch]}
    sql = {"component": "sql.processor", "config": {"query": query}}
    lab.run(lab.manifest(text, a={"columns": columns, "config": config}, b=sql))
    assert lab.calls["a"].wanted == ()

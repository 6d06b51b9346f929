from pathlib import Path

import pytest
import yaml

from osiris_dagster.columns import Column
from osiris_dagster.compiler.bind import BindError, bind
from osiris_dagster.compiler.manifest import StepInput

CASES = yaml.safe_load((Path(__file__).parent / "bind_cases.yaml").read_text(encoding="utf-8"))
INPUTS = [
    (
        StepInput("a", ("df_a", "a")),
        (
            Column("id", "int64"),
            Column("amount", "decimal(12,2)"),
            Column("tags", "list<string>"),
            Column("day", "date"),
        ),
    ),
    (StepInput("b-1", ("df_b_1", "b-1")), (Column("id", "int64"), Column("at_", "timestamptz"))),
]


@pytest.mark.parametrize("case", [c for c in CASES if "fault" not in c], ids=lambda c: c["name"])
def test_a_query_binds_to_columns_and_scans(case):
    bound = bind(case["query"], INPUTS)
    assert {c.name: c.type for c in bound.columns} == case["columns"]
    assert dict(bound.scans) == case["scans"]


@pytest.mark.parametrize("case", [c for c in CASES if "fault" in c], ids=lambda c: c["name"])
def test_a_query_that_does_not_bind_says_where_and_why(case):
    with pytest.raises(BindError) as caught:
        bind(case["query"], INPUTS)
    fault = caught.value
    assert fault.kind == case["fault"]
    assert fault.message
    assert fault.offset == case.get("offset", fault.offset)
    assert fault.name == case.get("about", fault.name)
    if "candidate" in case:
        assert case["candidate"] in fault.candidates


def test_a_fault_leaves_nothing_behind_for_the_next_query():
    for _ in range(3):
        with pytest.raises(BindError):
            bind("select nope from df_a", INPUTS)
    assert bind("select id from df_a", INPUTS).columns == (Column("id", "int64"),)

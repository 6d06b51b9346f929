"""What a query reads of its inputs, and that leaving out the rest gives the same rows."""

from pathlib import Path

import duckdb
import pytest
import yaml

from osiris_dagster.columns import Column
from osiris_dagster.compiler.bind import BindError
from osiris_dagster.compiler.manifest import StepInput
from osiris_dagster.compiler.usage import columns_read

CASES = yaml.safe_load((Path(__file__).parent / "usage.yaml").read_text(encoding="utf-8"))
TYPES = {
    "orders": {
        "id": "int64",
        "day": "date",
        "customer": "string",
        "status": "string",
        "amount": "float64",
        "score": "float64",
        "box": "struct<a: int64, b: string>",
    },
    "rates": {"id": "int64", "rate": "float64"},
}
INPUTS = [
    (StepInput(name, (f"df_{name}", name)), tuple(Column(column, kind) for column, kind in types.items()))
    for name, types in TYPES.items()
]
ROWS = {
    "orders": "select i as id, date '2026-01-01' + i::int as day, 'c' || i % 3 as customer, 's' || i % 2 as status, "
    "i * 1.5::double as amount, (i * 7 % 5)::double as score, {'a': i, 'b': 'x'} as box from range(20) t(i)",
    "rates": "select i * 2 as id, i / 4.0::double as rate from range(9) t(i)",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_columns_that_a_query_reads(case):
    read = columns_read(case["query"], INPUTS)
    names = {step: [column.name for column in columns] for step, columns in read.items()}
    expected = {step: case[step] for step in TYPES if step in case}
    assert {step: columns for step, columns in names.items() if step in expected or step == "orders"} == expected


@pytest.mark.parametrize("case", [c for c in CASES if "sample" not in c["name"]], ids=lambda case: case["name"])
def test_the_rows_are_the_same_without_the_columns_that_it_does_not_read(case):
    read = columns_read(case["query"], INPUTS)
    results = []
    for columns in ({}, read):
        with duckdb.connect() as session:
            for step, rows in ROWS.items():
                kept = ", ".join(f'"{column.name}"' for column in columns.get(step, ())) or "*"
                session.execute(f"create table df_{step} as select {kept} from ({rows})")
                session.execute(f"create view {step} as from df_{step}")
            results.append(sorted(session.execute(case["query"]).fetchall(), key=repr))
    assert results[0] == results[1]


def test_a_query_that_does_not_bind_reads_nothing():
    with pytest.raises(BindError):
        columns_read("select nope from orders", INPUTS)

"""SQL of a step reaches its inputs and nothing else; what it may not is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.errors import CompileError
from tests.compiler.compiling import inputs_of, lock_for

CASES = yaml.safe_load((Path(__file__).parent / "guard_cases.yaml").read_text("utf-8"))
HARMLESS = [
    "select 'read_csv(' as text, n from df_rows -- read_csv('a')",
    "select * from query_table('df_rows')",
    "select * from query('select n + 1 as n from df_rows')",
    "select n as read_csv, (n) as glob from df_rows",
]


def pipeline(query: str) -> str:
    return (
        'oml_version: "0.2.0"\nname: p\nsteps:\n'
        "  - {id: rows, component: filesystem.csv_extractor, mode: read, config: {path: in.csv}}\n"
        "  - id: a\n    component: duckdb.processor\n    mode: transform\n    config:\n      query: |\n"
        f"        {query}\n"
    )


@pytest.mark.parametrize("known", [True, False], ids=["columns known", "columns unknown"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["query"])
def test_a_step_reaches_nothing_but_its_inputs(case, known):
    text = pipeline(case["query"])
    given = {"lock": lock_for(pipeline("select 1 as n"), {"rows": {"n": "int64"}})} if known else {}
    if not known and case["code"] == "CMP010" and "union" not in case["query"]:
        compile_pipeline(inputs_of(text))  # a name is looked up when the columns are known: at the latest by the driver
        return
    with pytest.raises(CompileError) as caught:
        compile_pipeline(inputs_of(text, **given))
    (found,) = caught.value.diagnostics
    assert found.code == case["code"]
    assert found.fix or found.expected


@pytest.mark.parametrize("query", HARMLESS)
def test_the_name_of_such_a_function_alone_is_no_fault(query):
    lock = lock_for(pipeline("select 1 as n"), {"rows": {"n": "int64"}})
    manifest = compile_pipeline(inputs_of(pipeline(query), lock=lock)).manifest
    assert manifest.step("a").columns


def test_there_are_at_least_seventeen_guards():
    assert len(CASES) >= 17

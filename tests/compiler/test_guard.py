"""SQL of a step reaches its inputs and nothing else; what it may not is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.draft import Inputs
from osiris_dagster.errors import CompileError
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import read_catalogue
from osiris_dagster.specs.read import components_folder
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


NEW_FAMILY = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: rows, component: demo.extractor, mode: read, config: {connection: "@demo.shop", host: h, query: "%s"}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: out.csv}}
"""


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select a:b::int as n from Orders qualify row_number() over (order by n) = 1", ""),
        ("delete from orders", "CMP070"),
        ("select 1; drop table orders", "CMP070"),
        ("select pg_sleep(9)", "CMP071"),
        ("select 1 --1", "CMP073"),
    ],
)
def test_a_new_family_names_its_dialect_in_its_spec_and_edits_no_code(tmp_path, query, code):
    spec = (Path(__file__).parents[1] / "specs" / "data" / "demo.extractor" / "spec.yaml").read_text("utf-8")
    (tmp_path / "demo.extractor").mkdir()
    (tmp_path / "demo.extractor" / "spec.yaml").write_text(spec.replace("dialect: postgres", "dialect: snowflake"))
    catalogue = read_catalogue(components_folder(), tmp_path)
    found = validate(NEW_FAMILY % query, "pipelines/p.yaml", catalogue)
    assert found.pipeline is not None, found.diagnostics
    inputs = Inputs(found.pipeline, found.document, catalogue)
    if code:
        with pytest.raises(CompileError) as caught:
            compile_pipeline(inputs)
        assert caught.value.first.code == code
    else:
        (read,) = compile_pipeline(inputs).manifest.step("rows").reads
        assert read.key[-1] == "ORDERS"


def test_there_are_at_least_seventeen_guards():
    assert len(CASES) >= 17

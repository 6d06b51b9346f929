from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.errors import Diagnostic
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.read import components_folder

SAMPLES = Path(__file__).parent / "data"


def lint_specs(folder: Path) -> tuple[Diagnostic, ...]:
    return tuple(finding for file in sorted(folder.glob("*/spec.yaml")) for finding in lint_spec(file))


@pytest.mark.parametrize("folder", [components_folder(), SAMPLES], ids=["shipped", "samples"])
def test_specs_are_clean(folder):
    assert lint_specs(folder) == ()


def damaged(tmp_path: Path, folder: str = "demo.extractor", **changes: object) -> list[tuple[str, str, int, str]]:
    """Lint the sample extractor with some keys replaced (None: removed); return code, message, line, path."""
    contents = yaml.safe_load((SAMPLES / "demo.extractor" / "spec.yaml").read_text("utf-8"))
    contents = {k: v for k, v in {**contents, **changes}.items() if v is not None}
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "spec.yaml").write_text(yaml.safe_dump(contents, sort_keys=False), "utf-8")
    return [(d.code, d.message, d.place.line, d.path) for d in lint_specs(tmp_path) if d.place]


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "demo.x").mkdir()
    (tmp_path / "demo.x" / "spec.yaml").write_text("a: [", "utf-8")

    assert [finding.code for finding in lint_specs(tmp_path)] == ["SPC001"]


def test_unknown_and_missing_keys_and_wrong_values(tmp_path):
    found = damaged(tmp_path, x_hints={}, title=None, version="1.0", capabilities={"streaming": False, "fly": True})

    assert {code for code, _, _, _ in found} == {"SPC002"}
    assert sorted(path for _, _, _, path in found) == [
        "capabilities",
        "capabilities.streaming",
        "title",
        "version",
        "x_hints",
    ]


def test_two_modes_are_one_too_many(tmp_path):
    ((code, _, line, path),) = damaged(tmp_path, modes=["extract", "write"])

    assert (code, line, path) == ("SPC002", 6, "modes")


def test_a_driver_is_a_module_and_a_class(tmp_path):
    ((code, _, _, path),) = damaged(tmp_path, **{"x-runtime": {"driver": "demo.driver.DemoDriver"}})

    assert (code, path) == ("SPC002", "x-runtime.driver")


def test_a_component_that_can_be_asked_names_who_asks(tmp_path):
    ((code, message, _, path),) = damaged(tmp_path, **{"x-runtime": {"driver": "demo.driver:DemoDriver"}})

    assert (code, path) == ("SPC002", "x-runtime")
    assert "discover" in message


def test_the_folder_has_the_name_of_the_component(tmp_path):
    ((code, message, line, _),) = damaged(tmp_path, folder="demo.other")

    assert (code, line) == ("SPC003", 1)
    assert "demo.other" in message


def schema(**fields: object) -> dict[str, object]:
    return {"type": "object", "additionalProperties": False, "properties": fields}


PARTS = ("secrets", "constraints", "x-dataset", "x-sql", "x-connection-fields", "connection")
BARE = dict.fromkeys((*PARTS, "llmHints"))


def test_a_config_schema_is_a_json_schema(tmp_path):
    fields = schema(a={"type": "text", "description": "x"})
    found = damaged(tmp_path, **BARE, configSchema=fields, examples=[{"title": "a", "config": {}}])

    assert [(code, path) for code, _, _, path in found] == [("SPC004", "configSchema.properties.a.type")]


def test_required_fields_exist(tmp_path):
    fields = {**schema(a={"type": "string", "description": "x"}), "required": ["b"]}
    found = damaged(tmp_path, **BARE, configSchema=fields, examples=[{"title": "a", "config": {"b": 1}}])

    assert [code for code, _, _, _ in found] == ["SPC007", "SPC005"]
    assert "`b`" in found[0][1]


def test_every_option_is_described(tmp_path):
    found = damaged(
        tmp_path, **BARE, configSchema=schema(a={"type": "string"}), examples=[{"title": "a", "config": {}}]
    )

    assert [(code, path) for code, _, _, path in found] == [("SPC002", "configSchema.properties.a.description")]


def test_examples_validate_and_fit_the_connection(tmp_path):
    examples = [
        {"title": "no connection", "config": {"table": "t", "host": "x"}},
        {"title": "wrong type", "config": {"connection": "@demo", "batch_size": "1"}},
    ]
    found = damaged(tmp_path, examples=examples)

    assert [(code, path) for code, _, _, path in found] == [
        ("SPC005", "examples[0].config"),
        ("SPC005", "examples[1].config.batch_size"),
    ]


def test_an_example_without_a_connection_needs_every_field(tmp_path):
    found = damaged(tmp_path, connection="optional", examples=[{"title": "a", "config": {"table": "t"}}])

    assert [(code, message) for code, message, _, _ in found] == [("SPC005", "`host` is missing")]


def test_secret_pointers_lead_to_a_field(tmp_path):
    good = ["/password", "/headers/X-Key", "/only_in_the_connection", "/page/size"]
    found = damaged(tmp_path, secrets=[*good, "/page/nothing", "/table/x"])

    assert [(code, path) for code, _, _, path in found] == [("SPC006", "secrets[4]"), ("SPC006", "secrets[5]")]


def test_secret_pointers_without_a_connection_lead_into_the_config(tmp_path):
    found = damaged(
        tmp_path, connection=None, secrets=["/passwort"], examples=[{"title": "a", "config": {"host": "x"}}]
    )

    assert [code for code, _, _, _ in found] == ["SPC006"]


def test_constraints_and_datasets_name_fields(tmp_path):
    constraint = {"when": {"tabel": "x"}, "must": {"hots": False}, "error": "e"}
    found = damaged(tmp_path, constraints=[constraint], **{"x-dataset": {"kind": "table", "table": "tabel"}})

    assert [(code, path) for code, _, _, path in found] == [
        ("SPC007", "x-dataset.table"),
        ("SPC007", "constraints[0].when.tabel"),
        ("SPC007", "constraints[0].must.hots"),
    ]


@pytest.mark.parametrize(("kind", "wanted"), [("file", "path"), ("table", "table or query")])
def test_a_dataset_says_where_its_name_stands(tmp_path, kind, wanted):
    ((code, message, _, path),) = damaged(tmp_path, **{"x-dataset": {"kind": kind}})

    assert (code, path) == ("SPC007", "x-dataset")
    assert wanted in message


def test_sql_that_a_source_runs_is_named(tmp_path):
    ((code, message, _, path),) = damaged(tmp_path, **{"x-sql": None})

    assert (code, path) == ("SPC008", "x-dataset.query")
    assert "`query`" in message


def test_a_rule_about_sql_names_fields_and_a_dialect(tmp_path):
    rule = {"dialect": "postgres", "statements": ["query"], "conditions": ["tabel"]}
    assert [(code, path) for code, _, _, path in damaged(tmp_path, **{"x-sql": rule})] == [
        ("SPC007", "x-sql.conditions[0]")
    ]


def test_a_dialect_is_one_that_is_known(tmp_path):
    found = damaged(tmp_path, **{"x-sql": {"dialect": "postgresql", "statements": ["query"]}})
    assert [(code, path) for code, _, _, path in found] == [("SPC002", "x-sql.dialect")]


@pytest.mark.parametrize("dialect", ["snowflake", "sqlite", "tsql", "duckdb"])
def test_any_dialect_of_sqlglot_may_be_named(tmp_path, dialect):
    assert damaged(tmp_path, **{"x-sql": {"dialect": dialect, "statements": ["query"]}}) == []


def test_the_capability_to_transform_fits_the_mode(tmp_path):
    found = damaged(tmp_path, capabilities={"discover": True, "customTransforms": True})

    assert [(code, path) for code, _, _, path in found] == [("SPC010", "capabilities")]


def test_another_name_for_an_option_is_unambiguous(tmp_path):
    hints = {"inputAliases": {"table": ["relation", "query"], "query": ["sql", "relation"], "tabel": ["x"]}}
    found = damaged(tmp_path, llmHints=hints)

    assert [(code, path.rpartition(".")[2]) for code, _, _, path in found] == [
        ("SPC012", "table"),
        ("SPC012", "query"),
        ("SPC007", "tabel"),
    ]


@pytest.mark.parametrize("key", ["limits", "redaction", "loggingPolicy", "compatibility", "x-secret"])
def test_what_nothing_would_enforce_is_refused_with_the_other_way(tmp_path, key):
    (tmp_path / "demo.writer").mkdir()
    text = (SAMPLES / "demo.writer" / "spec.yaml").read_text("utf-8")
    (tmp_path / "demo.writer" / "spec.yaml").write_text(f"{text}{key}: {{}}\n", "utf-8")

    (finding,) = lint_specs(tmp_path)

    assert (finding.code, finding.path) == ("SPC002", key)
    assert finding.fix.startswith("remove it: ")

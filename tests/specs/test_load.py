from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.errors import OmlError
from osiris_dagster.specs.load import load_catalogue, read_catalogue
from osiris_dagster.specs.model import SqlRule
from osiris_dagster.specs.read import components_folder

SAMPLES = Path(__file__).parent / "data"


def test_the_shipped_catalogue_is_read_once():
    catalogue = load_catalogue()

    assert catalogue is load_catalogue()
    assert "duckdb.processor" in catalogue
    assert len(catalogue) == len(list(components_folder().glob("*/spec.yaml")))
    assert [spec.name for spec in catalogue] == list(catalogue.names) == sorted(catalogue.names)
    assert catalogue.get("duckdb.procesor") is None


def test_a_spec_is_read_with_all_its_parts():
    catalogue = read_catalogue(SAMPLES)
    spec = catalogue.get("demo.extractor")

    assert catalogue.families == ("demo",)
    assert spec is not None
    assert (spec.family, spec.role, spec.mode, spec.version) == ("demo", "extractor", "extract", "1.2.0")
    assert spec.capabilities == {"streaming", "discover"}
    assert spec.connection == "required"
    assert spec.connection_fields == {
        "host": "allowed", "database": "forbidden", "schema": "warning", "password": "allowed", "port": "forbidden",
    }  # fmt: skip
    assert spec.secrets == ("/password", "/headers/Authorization")
    assert spec.constraints[0].must == {"table": {"minLength": 1}}
    assert spec.dataset is not None
    assert (spec.dataset.table, spec.dataset.default_schema) == ("table", "main")
    assert spec.sql == SqlRule("postgres", statements=("query",))
    assert spec.exported == ("table", "query")
    assert spec.examples[0].title == "A whole table"
    assert spec.driver == "demo.driver:DemoDriver"


def test_a_validator_is_built_once():
    catalogue = read_catalogue(SAMPLES)

    assert catalogue.validator("demo.writer") is catalogue.validator("demo.writer")
    assert catalogue.validator("demo.writer").is_valid({"table": "t"})
    with pytest.raises(KeyError):
        catalogue.validator("demo.nothing")


def test_a_fingerprint_follows_the_contents(tmp_path):
    source = SAMPLES / "demo.writer" / "spec.yaml"
    (tmp_path / "demo.writer").mkdir()
    copy = tmp_path / "demo.writer" / "spec.yaml"
    copy.write_text("# a comment changes nothing\n" + source.read_text("utf-8"), "utf-8")
    first = read_catalogue(SAMPLES).fingerprint("demo.writer")

    assert first.startswith("sha256:")
    assert read_catalogue(tmp_path).fingerprint("demo.writer") == first
    copy.write_text(source.read_text("utf-8").replace("Target table.", "The target."), "utf-8")
    assert read_catalogue(tmp_path).fingerprint("demo.writer") != first


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "it is not YAML"),
        ("- a", "it is not a mapping"),
        ("", "it is not a mapping"),
        ("name: demo.x", "'modes' is missing"),
        ("name: 2025-01-01", "cannot"),
        ("name: .nan", "cannot"),
        ("modes: [extract, write]", "unpack"),
        ("modes: [read]", "expected one of extract, write, transform"),
        ("modes: extract", "`modes` must be a list"),
        ("modes: [extract]\nconfigSchema: {type: object}", "configSchema.properties"),
        ("modes: [extract]\nconfigSchema: {properties: {}}\nname: 1", "`name` must be a str"),
    ],
)
def test_a_malformed_spec_is_an_error_that_names_file_and_reason(tmp_path, text, reason):
    (tmp_path / "demo.x").mkdir()
    (tmp_path / "demo.x" / "spec.yaml").write_text(text, "utf-8")

    with pytest.raises(OmlError) as caught:
        read_catalogue(tmp_path)

    assert caught.value.first.code == "SPC001"
    assert "components/demo.x/spec.yaml" in str(caught.value)
    assert reason in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("key", ["x-runtime", "x-dataset", "constraints", "secrets", "capabilities", "examples"])
def test_a_part_of_the_wrong_shape_is_an_error(tmp_path, key):
    contents = yaml.safe_load((SAMPLES / "demo.extractor" / "spec.yaml").read_text("utf-8"))
    (tmp_path / "demo.x").mkdir()
    (tmp_path / "demo.x" / "spec.yaml").write_text(yaml.safe_dump({**contents, key: 7}), "utf-8")

    with pytest.raises(OmlError, match="malformed"):
        read_catalogue(tmp_path)


def test_bytes_that_are_no_text_are_an_error(tmp_path):
    (tmp_path / "demo.x").mkdir()
    (tmp_path / "demo.x" / "spec.yaml").write_bytes(b"name: \xff")

    with pytest.raises(OmlError, match="SPC001"):
        read_catalogue(tmp_path)

"""The components and examples of the first Osiris, in our own words: its documents are understood, or told why not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.layout import formatted
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.render import render
from osiris_dagster.oml.rules.old_names import OLD_NAMES
from osiris_dagster.oml.upgrade import upgrade
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.load import read_catalogue

HERE = Path(__file__).parent / "peer"
VERDICTS = yaml.safe_load((HERE / "verdicts.yaml").read_text("utf-8"))
CATALOGUE = read_catalogue(HERE / "components")
FACTS = (
    ConnectionFacts("mysql", "films", fields=("database", "host", "password", "user")),
    ConnectionFacts("supabase", "main", fields=("key", "url")),
)
# Error types of the first Osiris that are about a rule of the language; its `unexpected` and the like are not.
OLD_TYPES = """
invalid_type missing_required_key forbidden_key invalid_name_type empty_name invalid_steps_type empty_steps
invalid_step_type missing_step_field invalid_id_type duplicate_id invalid_component_type invalid_mode_type invalid_mode
incompatible_mode invalid_needs_type invalid_dependency_type unknown_dependency invalid_config_type
invalid_connection_ref missing_required_field unknown_config_key missing_config_key forbidden_override
invalid_config_value unsupported_version naming_convention unknown_component unknown_write_mode override_warning
unsupported_encoding unknown_key
""".split()
check = partial(validate, file="a.yaml", catalogue=CATALOGUE, connections=FACTS)


def test_the_nine_components_are_specs_without_a_fault():
    assert len(CATALOGUE) == 9
    assert [finding for file in (HERE / "components").glob("*/spec.yaml") for finding in lint_spec(file)] == []


def test_every_example_has_a_verdict():
    assert sorted(VERDICTS) == sorted(file.name for file in (HERE / "pipelines").glob("*.yaml"))


@pytest.mark.parametrize("name", VERDICTS)
def test_an_example_has_its_verdict(name):
    result = check((HERE / "pipelines" / name).read_text("utf-8"))

    wanted = VERDICTS[name].get("findings", [])
    shown = render(result.diagnostics)
    assert [(f.code, f.place.line, f.severity) for f in result.diagnostics] == [
        (item["code"], item["line"], item["severity"]) for item in wanted
    ], shown
    assert all(item["fix"] in finding.fix for item, finding in zip(wanted, result.diagnostics, strict=True)), shown


@pytest.mark.parametrize("name", VERDICTS)
def test_an_example_is_right_after_its_fixes(name):
    done = fix(check((HERE / "pipelines" / name).read_text("utf-8")), check)

    assert [finding.code for finding in done.validation.diagnostics] == VERDICTS[name].get("then", [])
    assert "input_df" not in done.text


@pytest.mark.parametrize("name", VERDICTS)
def test_an_example_can_be_upgraded_and_formatted(name):
    upgraded = upgrade(compose((HERE / "pipelines" / name).read_text("utf-8"), name))
    result = check(formatted(compose(upgraded.text, name)))

    assert "oml_version is 0.2.0 instead of" in upgraded.changes[-1]
    assert [finding.code for finding in result.diagnostics] == VERDICTS[name].get("then", [])


@pytest.mark.parametrize("old", OLD_TYPES)
def test_an_old_error_type_is_the_alias_of_a_code(old):
    aliases = {name for names in OLD_NAMES.values() for name in names.values()}

    assert old in aliases


REPLACE = """\
oml_version: "0.1.0"
name: x
steps:
  - {id: a, component: mysql.extractor, mode: read, config: {connection: "@mysql.films", table: film}}
  - {id: b, component: mysql.writer, mode: write, config: {connection: "@mysql.films", table: film, mode: upsert}}
"""


def test_what_a_spec_declares_is_enforced():
    """The first product looked at names of options only."""
    found = check(
        REPLACE.replace("table: film}", "table: film, limit: 0, batch_size: many, database: x}", 1)
    ).diagnostics

    assert {(finding.code, finding.path.rpartition(".")[2]) for finding in found} == {
        ("OML065", "database"),
        ("OML054", "limit"),
        ("OML052", "batch_size"),
        ("OML056", "mode"),
    }


def test_the_values_of_an_enumeration_are_enforced():
    text = REPLACE.replace("mode: upsert", "mode: upsrt, upsert_keys: [id]")

    assert [finding.code for finding in check(text).diagnostics] == ["OML053"]


GRAPHQL = """\
oml_version: "0.1.0"
name: x
steps:
  - {id: a, component: graphql.extractor, mode: read, config: {endpoint: ADDRESS, query: "{ a }"}}
"""


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("https://example.com/graphql", []),
        ("not an address", ["OML055"]),
        ("example.com", ["OML055"]),
        ("${params.address}", ["OML070"]),
    ],
)
def test_the_form_of_an_address_is_enforced(address, codes):
    assert [finding.code for finding in check(GRAPHQL.replace("ADDRESS", f'"{address}"')).diagnostics] == codes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("auth_type: basic, auth_username: ann", "basic authentication needs a name"),
        ("auth_type: bearer", "bearer authentication needs a token"),
        ("pagination_enabled: true, pagination_path: ''", "pages need a path, a cursor and a variable"),
    ],
)
def test_what_options_ask_of_each_other_is_enforced(options, message):
    text = GRAPHQL.replace("ADDRESS", f'"https://example.com", {options}')

    assert (message, "OML056") in [(finding.message, finding.code) for finding in check(text).diagnostics]

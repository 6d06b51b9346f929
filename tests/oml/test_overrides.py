"""Beside `connection` a step sets nothing that says where the connection goes or how it is protected."""

from __future__ import annotations

import pytest

from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.specs.model import oml_mode

CHOICES = {"mysql": {"database"}, "postgres": {"schema"}, "supabase": {"schema"}}
CATALOGUE = load_catalogue()
COMPONENTS = [spec.name for spec in CATALOGUE if spec.connection_fields]


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("value", ["x", "${params.x}", "${partition.key}", None])
def test_every_field_of_a_connection_but_the_listed_choices_is_refused(component, value):
    spec = CATALOGUE[component]
    written = "".join(f"      {name}: {'null' if value is None else value}\n" for name in spec.connection_fields)
    text = (
        f'oml_version: "0.2.0"\nname: orders\nparams: {{x: other.example.com}}\nsteps:\n  - id: a\n'
        f'    component: {component}\n    mode: {oml_mode(spec.mode)}\n    config:\n'
        f'      connection: "@{spec.family}.main"\n{written}'
    )  # fmt: skip

    found = [finding for finding in validate(text, "a.yaml", CATALOGUE, mode="off").errors if finding.code == "OML065"]

    assert {finding.path.rpartition(".")[2] for finding in found} == {*spec.connection_fields} - CHOICES.get(
        spec.family, set()
    )
    assert all("the connection @" in finding.message and finding.fix for finding in found)


def test_every_family_with_connections_is_looked_at():
    families = {CATALOGUE[name].family for name in COMPONENTS}

    assert families == {spec.family for spec in CATALOGUE if spec.connection != "none"}

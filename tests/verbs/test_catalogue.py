"""Components and connections, listed and shown; never a secret."""

from __future__ import annotations

import json

import pytest
import yaml

from osiris_dagster.specs.load import load_catalogue


@pytest.mark.usefixtures("shop")
def test_every_component_is_listed(osiris):
    listed = osiris("components", "list", "--json").data["components"]
    assert [c["name"] for c in listed] == list(load_catalogue().names)
    assert all(c["title"] and c["version"] and c["mode"] in ("extract", "transform", "write") for c in listed)
    said = osiris("components", "list").out
    assert said.splitlines()[0].split()[:3] == ["component", "version", "mode"]
    assert all(name in said for name in load_catalogue().names)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", load_catalogue().names)
def test_a_spec_is_one_thing_in_every_form(osiris, name):
    spec = osiris("components", "spec", name, "--json").data["spec"]
    assert spec["name"] == name
    assert spec["config_schema"]["type"] == "object"
    assert yaml.safe_load(osiris("components", "spec", name).out) == spec
    assert json.loads(osiris("components", "spec", name, "--format", "json").out) == spec


@pytest.mark.usefixtures("shop")
def test_an_unknown_component_is_told_with_the_nearest(osiris):
    result = osiris("components", "spec", "duckdb.procesor", "--json")
    assert result.data["diagnostics"][0]["fix"] == "did you mean `duckdb.processor`?"


def test_connections_are_listed_without_their_values(osiris, shop, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2-hunter2")
    result = osiris("connections", "list", "--json")
    listed = {c["reference"]: c for c in result.data["connections"]}
    assert listed.keys() == {"@duckdb.ops", "@duckdb.secret", "@duckdb.warehouse"}
    assert listed["@duckdb.ops"]["default"] is True
    assert listed["@duckdb.ops"]["description"] == "The shop"
    assert listed["@duckdb.warehouse"]["identity"] == "wh"
    assert listed["@duckdb.secret"]["fields"] == ["path", "token"]
    said = osiris("connections", "list").out
    assert "path, token" in said
    assert "hunter2" not in result.out + said
    assert "warehouse.duckdb" not in result.out + said


def test_a_project_without_connections_says_so(osiris, shop):
    (shop / "osiris_connections.yaml").unlink()
    assert osiris("connections", "list").out == "no connections\n"
    assert osiris("connections", "list", "--json").data["connections"] == []


def test_variables_make_connections(osiris, shop, monkeypatch):
    (shop / "osiris_connections.yaml").unlink()
    monkeypatch.setenv("OSIRIS_CONN__DUCKDB__PATH", "data/x.duckdb")
    assert osiris("connections", "list", "--json").data["connections"][0]["reference"] == "@duckdb.default"

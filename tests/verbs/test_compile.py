"""`compile` and `validate`: files in, manifests and findings out, with what command line and environment say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

from osiris_dagster.compiler.store import load_latest
from tests.command import process, written

ADVISED = """\
oml_version: "0.2.0"
name: Not Hyphens
steps:
  - {id: a, component: duckdb.processor, mode: transform, config: {query: "select 'ž' as n"}}
"""


@pytest.fixture
def advised(shop):
    """Return a file that only an advisory rule has something to say about."""
    (shop / "pipelines" / "advised.yaml").write_text(ADVISED, encoding="utf-8")
    return "pipelines/advised.yaml"


def test_every_file_is_compiled_and_named(osiris, shop):
    result = osiris("compile", "pipelines/shop.yaml", "pipelines/failing.yaml", "--json")
    assert [p["pipeline"] for p in result.data["pipelines"]] == ["failing", "shop"]
    for told in result.data["pipelines"]:
        manifest = load_latest(shop / "build", told["pipeline"])
        assert told["manifest_hash"] == manifest.hash
        assert (shop / told["folder"] / "manifest.yaml").is_file()
        assert [step["id"] for step in told["steps"]] == [step.id for step in manifest.steps]
    assert "pipelines/shop.yaml: 3 steps -> build/shop/" in osiris("compile", "pipelines/shop.yaml").out


def test_a_fault_stops_no_other_file_and_decides_the_exit_code(osiris, shop):
    (shop / "pipelines" / "bad.yaml").write_text("- 1")
    files = ("pipelines/shop.yaml", "pipelines/bad.yaml", "pipelines/failing.yaml")
    result = osiris("compile", *files, "--json")
    assert (result.code, result.codes, result.data["broken"]) == (2, ["OML020"], ["pipelines/bad.yaml"])
    assert sorted(folder.name for folder in (shop / "build").iterdir()) == ["failing", "shop"]


def test_manifests_go_where_they_are_asked_to(osiris, shop, tmp_path):
    told = osiris("compile", "pipelines/shop.yaml", "--out", str(tmp_path / "out"), "--json").data["pipelines"][0]
    assert told["folder"].startswith("../out/shop/")
    assert (shop / told["folder"] / "manifest.yaml").is_file()
    assert not (shop / "build").exists()


def test_online_locks_the_schemas_of_the_sources(osiris, shop):
    assert osiris("compile", "pipelines/shop.yaml", "--json").data["pipelines"][0]["steps"][1]["columns"] is None
    result = osiris("compile", "pipelines/shop.yaml", "--online", "--json")
    columns = {step["id"]: step["columns"] for step in result.data["pipelines"][0]["steps"]}
    assert columns["orders"][2] == {"name": "amount", "type": "decimal(4,2)"}
    assert columns["totals"] == [{"name": "customer", "type": "string"}, {"name": "total", "type": "decimal(38,2)"}]
    assert columns["out"] == columns["totals"]
    lock = json.loads((shop / "pipelines" / "shop.schema.json").read_text("utf-8"))
    assert lock["steps"].keys() == {"orders"}
    # From here on, without asking the source again.
    (shop / "data" / "ops.duckdb").unlink()
    again = osiris("compile", "pipelines/shop.yaml", "--json").data["pipelines"][0]
    assert again == result.data["pipelines"][0]


def test_a_schema_that_changed_is_locked_anew_even_if_the_query_no_longer_fits(osiris, shop):
    osiris("compile", "pipelines/shop.yaml", "--online")
    with duckdb.connect(shop / "data" / "ops.duckdb") as ops:
        ops.execute("alter table orders rename amount to price")
    assert osiris("compile", "pipelines/shop.yaml").code == 0
    result = osiris("compile", "pipelines/shop.yaml", "--online", "--json")
    assert (result.code, result.codes) == (3, ["CMP010"])
    assert "price" in (shop / "pipelines" / "shop.schema.json").read_text("utf-8")


def test_a_source_that_cannot_be_asked_leaves_the_old_lock(osiris, shop):
    osiris("compile", "pipelines/shop.yaml", "--online")
    lock = (shop / "pipelines" / "shop.schema.json").read_bytes()
    (shop / "data" / "ops.duckdb").write_bytes(b"no database")
    assert osiris("compile", "pipelines/shop.yaml", "--online").code == 4
    assert (shop / "pipelines" / "shop.schema.json").read_bytes() == lock


def test_a_stale_lock_is_told_and_does_not_stop(osiris, shop):
    osiris("compile", "pipelines/shop.yaml", "--online")
    path = shop / "pipelines" / "shop.yaml"
    path.write_text(path.read_text().replace("table: orders", "table: orders, limit: 2"))
    result = osiris("compile", "pipelines/shop.yaml", "--json")
    assert (result.code, result.codes) == (0, ["CMP041"])
    assert "CMP041 warning" in osiris("compile", "pipelines/shop.yaml").out


def least(osiris, *arguments):
    """Return the number that the compiled query compares with."""
    assert osiris("compile", "pipelines/shop.yaml", *arguments).code == 0
    query = load_latest(Path("build"), "shop").step("totals").config["query"]
    return int(query.partition(">= ")[2].split()[0])


@pytest.mark.usefixtures("shop")
def test_parameters_come_from_default_profile_environment_and_command_line(osiris, monkeypatch):
    assert least(osiris) == 0
    assert least(osiris, "--profile", "rich") == 5
    monkeypatch.setenv("OSIRIS_PROFILE", "rich")
    assert least(osiris) == 5
    monkeypatch.setenv("OSIRIS_PARAM_LEAST", "7")
    assert least(osiris) == 7
    assert least(osiris, "--param", "least=8", "--param", "least=9") == 9
    monkeypatch.setenv("OSIRIS_PARAM_LEAST", "")
    assert least(osiris) == 5


def test_advice_is_a_warning_an_error_or_nothing(osiris, advised, monkeypatch):
    def said(*arguments):
        told = [osiris(verb, advised, *arguments, "--json") for verb in ("validate", "compile")]
        assert told[0].code == told[1].code
        assert told[0].codes == told[1].codes
        return told[0].code, told[0].codes

    assert said() == said("--mode", "warn") == (0, ["OML028"])
    assert said("--mode", "off") == said("--no-validate") == (0, [])
    assert said("--mode", "strict") == (2, ["OML028"])
    monkeypatch.setenv("OSIRIS_VALIDATION", "strict")
    assert said() == (2, ["OML028"])
    assert said("--mode", "warn") == (0, ["OML028"])
    assert said("--no-validate") == (0, [])
    monkeypatch.setenv("OSIRIS_VALIDATION", "loud")
    assert said() == (5, ["CFG041"])
    assert said("--mode", "off") == (0, [])


def test_validation_tells_of_each_file(osiris, shop, advised):
    (shop / "pipelines" / "bad.yaml").write_text("name: [")
    result = osiris("validate", "pipelines/bad.yaml", advised, "pipelines/shop.yaml", "--json")
    assert result.code == 2
    assert result.data["files"] == [
        {"file": "pipelines/bad.yaml", "pipeline": "", "valid": False},
        {"file": advised, "pipeline": "Not Hyphens", "valid": True},
        {"file": "pipelines/shop.yaml", "pipeline": "shop", "valid": True},
    ]
    said = osiris("validate", "pipelines/bad.yaml", advised).out
    assert "pipelines/bad.yaml: not valid" in said
    assert f"{advised}: valid" in said
    assert "  2 | name: Not Hyphens\n    |       ^^^^^^^^^^^\n" in said


def test_nothing_is_written_by_validation(osiris, shop):
    before = written(shop)
    osiris("validate", "pipelines/shop.yaml")
    assert written(shop) == before


@pytest.mark.parametrize("way", ["--project", "OSIRIS_HOME", "a folder below"])
def test_a_project_is_found_from_elsewhere(osiris, shop, tmp_path, monkeypatch, way):
    file = "shop/pipelines/shop.yaml"
    monkeypatch.chdir(tmp_path)
    named: tuple[str, ...] = ()
    if way == "--project":
        named = ("--project", "shop")
    elif way == "OSIRIS_HOME":
        monkeypatch.setenv("OSIRIS_HOME", str(shop))
    else:
        (shop / "deep" / "er").mkdir(parents=True)
        monkeypatch.chdir(shop / "deep" / "er")
        file = "../../pipelines/shop.yaml"
    told = osiris("compile", file, *named, "--json").data["pipelines"][0]
    assert told["file"] == "pipelines/shop.yaml"
    assert (shop / told["folder"] / "manifest.yaml").is_file()
    assert osiris("connections", "list", *named, "--json").data["connections"][0]["reference"] == "@duckdb.ops"


def test_a_file_whose_name_is_no_text_is_compiled_and_told(shop):
    name = os.fsdecode(b"pipelines/odd\xff.yaml")
    (shop / name).write_bytes((shop / "pipelines" / "shop.yaml").read_bytes())
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    assert (
        process("compile", name, "--json", cwd=shop, env=strict).data["pipelines"][0]["file"]
        == "pipelines/odd\\xff.yaml"
    )
    assert "pipelines/odd\\xff.yaml: 3 steps" in process("compile", name, cwd=shop, env=strict).out


@pytest.fixture
def crowd(shop):
    """Return a project with a folder of files: fine ones, twins, broken ones, one that does not bind."""
    text = (shop / "pipelines" / "shop.yaml").read_text()
    for name in ("orders", "Orders-2", "deep/er"):
        path = shop / "pipelines" / "many" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("name: shop", f"name: {path.stem}"))
    (shop / "pipelines" / "many" / "twin.yaml").write_text(text.replace("name: shop", "name: Orders"))
    (shop / "pipelines" / "many" / "bad.yaml").write_text("- 1")
    (shop / "pipelines" / "many" / "nowhere.yaml").symlink_to("gone")
    unbound = text.replace("name: shop", "name: unbound").replace("select customer, sum(amount)", "selekt customer")
    (shop / "pipelines" / "many" / "unbound.yaml").write_text(unbound)
    return shop


TWINS = ["pipelines/many/orders.yaml", "pipelines/many/twin.yaml"]


def test_a_folder_is_validated_in_order_with_one_summary(osiris, crowd):
    result = osiris("validate", "pipelines/many", "--mode", "off", "--json")
    told = {report["file"].removeprefix("pipelines/many/"): report["valid"] for report in result.data["files"]}
    assert list(told.items()) == [
        ("Orders-2.yaml", True),
        ("bad.yaml", False),
        ("deep/er.yaml", True),
        ("nowhere.yaml", False),
        ("orders.yaml", False),
        ("twin.yaml", False),
        ("unbound.yaml", True),
    ]
    assert (result.code, sorted(result.codes)) == (2, ["CFG020", "CMP060", "CMP060", "OML020"])
    lines = osiris("validate", "pipelines/many", "--mode", "off").out.splitlines()
    assert lines[-1] == "7 files: 3 valid, 4 not"
    assert not [line for line in lines if line.endswith("er.yaml: valid")]


def test_a_folder_is_compiled_and_what_is_broken_stops_nothing(osiris, crowd):
    result = osiris("compile", "pipelines/many", "--mode", "off", "--json")
    assert [told["pipeline"] for told in result.data["pipelines"]] == ["Orders-2", "er"]
    assert result.data["broken"] == [
        "pipelines/many/bad.yaml",
        "pipelines/many/nowhere.yaml",
        *TWINS,
        "pipelines/many/unbound.yaml",
    ]
    assert sorted(folder.name.partition("-")[0] for folder in (crowd / "build").iterdir()) == ["er", "orders"]
    assert (result.code, sorted(result.codes)) == (2, ["CFG020", "CMP010", "CMP060", "CMP060", "OML020"])
    assert osiris("compile", "pipelines/many").out.splitlines()[-1] == "7 files: 2 compiled, 5 not"


@pytest.mark.parametrize("verb", ["validate", "compile"])
def test_twins_are_told_of_as_soon_as_both_are_named(osiris, crowd, verb):
    assert osiris(verb, TWINS[0], "--json").codes == []
    result = osiris(verb, *TWINS, "--mode", "off", "--json")
    assert result.codes == ["CMP060", "CMP060"]
    assert result.data["diagnostics"][0]["found"] == ", ".join(TWINS)


def test_a_folder_is_locked_online_and_a_source_that_does_not_answer_stops_nothing(osiris, crowd):
    text = (crowd / "pipelines" / "shop.yaml").read_text()
    lost = crowd / "pipelines" / "many" / "lost.yaml"
    lost.write_text(text.replace("name: shop", "name: lost").replace("table: orders", "table: lost"))
    result = osiris("compile", "pipelines/many", "--online", "--json")
    assert {told["pipeline"]: told["steps"][0]["columns"] is None for told in result.data["pipelines"]} == {
        "Orders-2": False,
        "er": False,
    }
    assert "pipelines/many/lost.yaml" in result.data["broken"]
    assert "DRV024" in result.codes

"""`connections doctor` and `discover`: connections asked, answers kept, and never a secret."""

from __future__ import annotations

import json
import os
import time

import duckdb
import pytest

from osiris_dagster.codec import from_json
from osiris_dagster.columns import Column

SECRET = "hunter2-hunter2"


def by_reference(result):
    return {told["reference"]: told for told in result.data["connections"]}


@pytest.fixture
def secretive(shop, monkeypatch):
    """Return a project whose third connection is set through variables that hold secrets."""
    monkeypatch.setenv("SECRET_TOKEN", SECRET)
    monkeypatch.setenv("SECRET_NAME", "ops")
    return shop


def test_the_doctor_asks_every_connection_and_is_content_when_all_answer(osiris, secretive):
    result = osiris("connections", "doctor", "--json")
    told = by_reference(result)
    assert (result.code, told.keys()) == (0, {"@duckdb.ops", "@duckdb.secret", "@duckdb.warehouse"})
    assert {one["category"] for one in told.values()} == {"ok"}
    assert told["@duckdb.ops"]["server"].startswith("DuckDB 2.")
    assert told["@duckdb.ops"]["latency_ms"] >= 0
    assert "does not exist yet" in told["@duckdb.warehouse"]["message"]
    said = osiris("connections", "doctor")
    assert said.code == 0
    assert "@duckdb.ops" in said.out
    assert SECRET not in said.out + said.err + result.out


def test_the_doctor_names_what_is_wrong_with_each_and_what_to_do(osiris, shop, monkeypatch):
    (shop / "data" / "ops.duckdb").write_bytes(b"no database" * 1000)
    monkeypatch.setenv("OSIRIS_CONN__DUCKDB__LOST__PATH", "nowhere/x.duckdb")
    monkeypatch.setenv("OSIRIS_CONN__DUCKDV__X__PATH", "x.duckdb")
    result = osiris("connections", "doctor", "--json")
    told = by_reference(result)
    categories = {reference: one["category"] for reference, one in told.items()}
    assert result.code == 5
    assert categories == {
        "@duckdb.lost": "not_found",
        "@duckdb.ops": "configuration",
        "@duckdb.secret": "configuration",
        "@duckdb.warehouse": "ok",
        "@duckdv.x": "configuration",
    }
    assert "SECRET_NAME" in told["@duckdb.secret"]["message"]
    assert told["@duckdv.x"]["fix"] == "did you mean `duckdb`?"
    assert all(one["fix"] for one in told.values() if one["category"] != "ok")
    assert sorted(result.codes) == ["CFG060", "CFG060", "CFG060", "CFG061"]
    assert "fix: did you mean `duckdb`?" in osiris("connections", "doctor").out


@pytest.mark.usefixtures("shop")
def test_the_doctor_asks_only_the_connections_that_are_named(osiris):
    result = osiris("connections", "doctor", "@duckdb", "@duckdb.warehouse", "--json")
    assert (result.code, list(by_reference(result))) == (0, ["@duckdb.ops", "@duckdb.warehouse"])
    assert osiris("connections", "doctor", "@duckdb.nope", "--json").codes == ["CFG024"]
    assert osiris("connections", "doctor", "ops", "--json").codes == ["CFG026"]


def test_a_project_without_connections_has_nothing_to_ask(osiris, shop):
    (shop / "osiris_connections.yaml").unlink()
    assert osiris("connections", "doctor").out == "no connections\n"


def test_tables_are_told_with_columns_that_the_language_knows(osiris, secretive):
    result = osiris("discover", "@duckdb", "--json")
    assert (result.code, result.data["connection"], result.data["cached"]) == (0, "@duckdb.ops", False)
    (table,) = result.data["tables"]
    assert (table["schema"], table["name"], table["rows"], table["kind"]) == ("main", "orders", 3, "table")
    assert [c.type for c in from_json(tuple[Column, ...], table["columns"])] == ["int32", "string", "decimal(4,2)"]
    said = osiris("discover", "@duckdb.ops", "--table", "ord*").out
    assert "decimal(4,2)" in said
    assert "DECIMAL(4,2)" in said
    assert "0 tables like 'none'" in osiris("discover", "@duckdb.ops", "--table", "none").out


def test_names_from_a_database_cannot_command_the_terminal(osiris, shop):
    with duckdb.connect(shop / "data" / "ops.duckdb") as ops:
        ops.execute('create table "red\x1b[31m\nalert" (n int)')
    said = osiris("discover", "@duckdb.ops").out
    assert "\x1b" not in said
    assert "red alert" in said


def age(shop, seconds):
    """Make every kept answer older."""
    for file in (shop / ".osiris" / "cache" / "discovery").glob("*.json"):
        kept = json.loads(file.read_text())
        kept["created_at"] -= seconds
        file.write_text(json.dumps(kept))


def test_an_answer_is_kept_under_a_key_of_everything_it_depends_on(osiris, secretive):
    def cached(*arguments):
        return osiris("discover", "@duckdb.secret", *arguments, "--json").data["cached"]

    assert [cached(), cached(), cached("--refresh"), cached()] == [False, True, False, True]
    assert [cached("--table", "o*"), cached("--table", "o*")] == [False, True]
    assert "ago; --refresh asks again" in osiris("discover", "@duckdb.secret").out
    age(secretive, 3601)
    assert [cached(), cached()] == [False, True]
    kept = [json.loads(file.read_text()) for file in (secretive / ".osiris/cache/discovery").glob("*.json")]
    assert {tuple(sorted(one["key"])) for one in kept} == {
        ("component", "connection", "format", "options", "spec", "version")
    }
    assert all(one["ttl_seconds"] == 3600 for one in kept)


def test_a_changed_source_or_connection_is_asked_anew(osiris, secretive, monkeypatch):
    def names():
        return [table["name"] for table in osiris("discover", "@duckdb.secret", "--json").data["tables"]]

    assert names() == ["orders"]
    with duckdb.connect(secretive / "data" / "ops.duckdb") as ops:
        ops.execute("create table customers(n int)")
    assert names() == ["customers", "orders"]
    duckdb.connect(secretive / "data" / "other.duckdb").close()
    monkeypatch.setenv("SECRET_NAME", "other")
    assert names() == []


def test_the_cache_holds_no_secret_and_only_its_owner_reads_it(osiris, secretive):
    osiris("discover", "@duckdb.secret")
    files = [file for file in (secretive / ".osiris" / "cache").rglob("*") if file.is_file()]
    assert len(files) == 2
    for file in files:
        assert SECRET.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["", "{}", "[1", '{"payload": [{}], "created_at": 1e18, "ttl_seconds": 1}'])
def test_a_damaged_cache_is_as_good_as_none(osiris, shop, damage):
    osiris("discover", "@duckdb.ops")
    (kept,) = (shop / ".osiris" / "cache" / "discovery").glob("*.json")
    kept.write_text(damage)
    assert osiris("discover", "@duckdb.ops", "--json").data["cached"] is False
    assert osiris("discover", "@duckdb.ops", "--json").data["cached"] is True


def test_a_cache_that_cannot_be_written_does_not_matter(osiris, shop):
    (shop / ".osiris").write_text("a file where a folder should be")
    assert osiris("discover", "@duckdb.ops", "--json").data["tables"]


def test_files_can_be_asked_for_without_a_connection(osiris, shop):
    (shop / "data" / "people.csv").write_text("id,name\n1,Ann\n")
    (table,) = osiris("discover", "@filesystem", "--json").data["tables"]
    assert (table["name"], table["kind"]) == ("data/people.csv", "file")
    time.sleep(0.01)
    os.utime(shop / "data" / "people.csv")
    assert osiris("discover", "@filesystem", "--json").data["cached"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "CLI020"),
        (("@duckdb.ops", "--lock", "pipelines/shop.yaml"), 2, "CLI020"),
        (("--lock", "pipelines/shop.yaml", "--table", "x"), 2, "CLI020"),
        (("@mystery.x",), 5, "CFG070"),
        (("duckdb.ops",), 5, "CFG070"),
        (("@duckdb.nope",), 5, "CFG024"),
        (("@duckdb.secret",), 5, "CFG025"),
        (("@duckdb.warehouse",), 4, "DRV020"),
        (("--lock", "pipelines/absent.yaml"), 5, "CFG020"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_what_cannot_be_asked_is_one_finding_with_a_way_out(osiris, arguments, code, told):
    result = osiris("discover", *arguments, "--json")
    assert (result.code, result.codes) == (code, [told])
    assert result.data["diagnostics"][0]["fix"]


def test_lock_writes_what_compile_online_writes(osiris, shop):
    lock = shop / "pipelines" / "shop.schema.json"
    assert osiris("compile", "--online", "pipelines/shop.yaml").code == 0
    expected = lock.read_bytes()
    lock.unlink()
    result = osiris("discover", "--lock", "pipelines/shop.yaml", "--json")
    assert (result.code, lock.read_bytes()) == (0, expected)
    assert result.data["lock"] == "pipelines/shop.schema.json"
    assert [step["id"] for step in result.data["steps"]] == ["orders"]
    assert osiris("discover", "--lock", "pipelines/shop.yaml").out == (
        "pipelines/shop.schema.json: orders (3 columns)\n"
    )

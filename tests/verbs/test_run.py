"""`run`: what it gives back, what it leaves behind, and what it never leaves behind."""

from __future__ import annotations

import json

import duckdb

from tests.command import rows, written

SECRET = "hunter2-hunter2"
WITH_SECRET = """\
oml_version: "0.2.0"
name: secretive
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select 1 as n, '${params.word}' as word"}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.secret", table: t}}
params: {word: x}
"""
NO_INPUT = """\
oml_version: "0.2.0"
name: no-input
steps:
  - {id: rows, component: duckdb.extractor, mode: read, config: {path: data/absent.duckdb, table: t}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: t}}
"""


def test_a_good_run_tells_what_happened_and_leaves_rows_and_a_package(osiris, shop):
    result = osiris("run", "pipelines/shop.yaml", "--json")
    told = result.data
    assert (result.code, told["status"], told["pipeline"], told["ok"]) == (0, "completed", "shop", True)
    assert {step["id"]: (step["status"], step["rows_in"], step["rows_out"]) for step in told["steps"]} == {
        "orders": ("completed", 0, 3),
        "totals": ("completed", 3, 2),
        "out": ("completed", 2, 2),
    }
    assert all(0 <= step["duration_ms"] <= told["duration_ms"] for step in told["steps"])
    assert [(str(c), str(t)) for c, t in rows(shop, "totals")] == [("ann", "11.75"), ("bob", "4.00")]
    package = told["aiop"][0]
    assert (package["pipeline"], package["valid"], package["reasons"]) == ("shop", True, [])
    core = json.loads((shop / package["folder"] / "core.jsonld").read_text("utf-8"))
    assert core["run"]["status"] == "completed"
    assert (shop / "build" / "shop" / f"{told['manifest_hash'][:7]}-{told['manifest_hash']}").is_dir()
    assert result.err == ""


def test_a_failed_run_tells_the_failing_step_and_leaves_the_old_output(osiris, shop):
    result = osiris("run", "pipelines/failing.yaml", "--json")
    told = result.data
    assert (result.code, told["status"], told["ok"]) == (4, "failed", False)
    steps = {step["id"]: step for step in told["steps"]}
    assert steps["cast"]["status"] == "failed"
    assert "'ann'" in steps["cast"]["error"]["message"]
    assert steps["cast"]["error"]["fix"]
    assert [step["id"] for step in told["steps"] if "error" in step and step["status"] == "failed"] == ["cast"]
    assert steps["out"]["status"] in ("skipped", "aborted")
    assert "numbers" not in {name for name, *_ in tables(shop)}
    assert told["aiop"][0]["valid"] is True


def tables(shop):
    path = shop / "data" / "warehouse.duckdb"
    if not path.exists():
        return []
    with duckdb.connect(path, read_only=True) as session:
        return session.execute("select table_name from information_schema.tables").fetchall()


def test_progress_goes_to_standard_error_and_the_end_to_standard_output(osiris, shop):
    good = osiris("run", "pipelines/shop.yaml", "--no-aiop")
    assert good.out.startswith("shop: completed in ")
    assert [line.split()[:2] for line in good.err.splitlines()] == [["orders", "ok"], ["totals", "ok"], ["out", "ok"]]
    bad = osiris("run", "pipelines/failing.yaml", "--no-aiop")
    assert bad.out.startswith("failing: failed in ")
    assert "  fix: " in bad.out
    assert "cast    FAILED: " in bad.err
    assert not (shop / "aiop").exists()


def test_a_missing_input_fails_the_run_and_nothing_is_written(osiris, shop):
    (shop / "pipelines" / "no-input.yaml").write_text(NO_INPUT)
    before = written(shop / "data")
    result = osiris("run", "pipelines/no-input.yaml", "--no-aiop", "--json")
    assert result.code == 4
    error = result.data["steps"][0]["error"]
    assert error["code"] == "DRV020"
    assert "data/absent.duckdb" in error["message"]
    assert str(shop) not in result.out
    assert written(shop / "data").keys() - before.keys() <= {"warehouse.duckdb"}
    assert tables(shop) == []


def test_a_missing_secret_ends_it_before_anything_is_written(osiris, shop):
    (shop / "pipelines" / "secret.yaml").write_text(WITH_SECRET)
    before = written(shop)
    result = osiris("run", "pipelines/secret.yaml", "--json")
    assert (result.code, result.codes) == (5, ["CFG025"])
    assert "SECRET_NAME" in result.data["diagnostics"][0]["message"]
    # The result of its compilation may be kept: it has neither secret nor effect.
    after = {name: content for name, content in written(shop).items() if not name.startswith(".osiris/compiled/")}
    assert after == before


def test_a_secret_of_a_file_is_used_and_shown_nowhere(osiris, shop):
    (shop / "pipelines" / "secret.yaml").write_text(WITH_SECRET)
    (shop.parent / "secrets.env").write_text(f"SECRET_NAME=found\nSECRET_TOKEN={SECRET}\n")
    result = osiris("run", "pipelines/secret.yaml", "--secrets-file", "../secrets.env", "--param", "word=y", "--json")
    assert result.code == 0
    assert SECRET not in result.out + result.err
    assert [name for name, content in written(shop).items() if SECRET.encode() in content] == []


def test_a_run_from_elsewhere_writes_into_its_project_only(osiris, shop, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = osiris(
        "run", "../shop/pipelines/shop.yaml", "--project", "../shop", "--no-aiop", "--param", "least=5", "--json"
    )
    assert result.code == 0
    assert list(elsewhere.iterdir()) == []
    assert len(rows(shop, "totals")) == 1
    listed = osiris("runs", "list", "--project", str(shop), "--json").data["runs"]
    assert [run["run_id"] for run in listed] == [result.data["run_id"]]


def test_warnings_are_told_and_do_not_stop_a_run(osiris, shop):
    path = shop / "pipelines" / "shop.yaml"
    path.write_text(path.read_text().replace("name: shop\n", "name: Shop Daily\n"))
    result = osiris("run", "pipelines/shop.yaml", "--no-aiop", "--json")
    assert (result.code, result.codes) == (0, ["OML028"])
    assert "OML028 warning" in osiris("run", "pipelines/shop.yaml", "--no-aiop").err
    assert osiris("run", "pipelines/shop.yaml", "--no-aiop", "--mode", "strict").code == 2
    assert osiris("runs", "list", "--pipeline", "Shop Daily", "--json").data["runs"]


def test_a_package_that_cannot_be_written_does_not_change_how_the_run_went(osiris, shop):
    (shop / "aiop").touch()
    result = osiris("run", "pipelines/shop.yaml", "--json")
    assert (result.code, result.data["status"], result.data["aiop"]) == (0, "completed", [])
    assert [(found["code"], found["severity"]) for found in result.data["diagnostics"]] == [("AIO007", "warning")]
    assert [path.stem for path in (shop / ".osiris/exports/pending").iterdir()] == [result.data["run_id"]]
    assert osiris("logs", "aiop").code == 1
    (shop / "aiop").unlink()
    assert osiris("logs", "aiop", "--json").data["run_id"] == result.data["run_id"]


def test_a_queue_that_cannot_be_written_does_not_change_how_the_run_went(osiris, shop):
    (shop / ".osiris").mkdir()
    (shop / ".osiris" / "exports").touch()
    result = osiris("run", "pipelines/failing.yaml")
    assert result.code == 4
    assert "AIO007 warning" in result.out


def test_a_damaged_manifest_of_an_earlier_run_does_not_harm_the_next(osiris, shop):
    first = osiris("run", "pipelines/shop.yaml", "--no-aiop", "--json").data
    manifest = next((shop / "build").rglob("manifest.json"))
    manifest.write_text("damaged")
    view = osiris("runs", "view", first["run_id"], "--json")
    assert (view.code, view.codes) == (3, ["CMP051"])
    again = osiris("run", "pipelines/shop.yaml", "--json")
    assert (again.code, again.data["aiop"][0]["valid"]) == (0, True)
    assert osiris("runs", "view", first["run_id"]).code == 0

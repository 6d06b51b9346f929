"""Steps that run for themselves: the same rows and the same record as in one process, from checkpoints."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import duckdb
import pytest

from osiris_dagster.exports.checkpoints import sweep_checkpoints
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from tests.command import rows
from tests.isolation.pipelines import LARGE, STEPS, TOTALS, wide

ISOLATED = "isolation: step"


@pytest.fixture
def run(osiris, shop):
    """Return a function that writes the pipeline and runs it."""

    def call(*options: str, execution: str = ISOLATED, text: str | None = None):
        (shop / "pipelines/wide.yaml").write_text(text or wide(execution))
        return osiris("run", "pipelines/wide.yaml", "--no-aiop", "--json", *options)

    return call


def statuses(result):
    return {step["id"]: step["status"] for step in result.data["steps"]}


def kept(shop: Path) -> dict[str, list[str]]:
    """Return step -> kinds of files at the default place of checkpoints."""
    found: dict[str, list[str]] = {}
    for path in (shop / ".osiris/checkpoints").rglob("*.*"):
        found.setdefault(path.parent.name.partition("-")[0], []).append(path.suffix)
    return {step: sorted(kinds) for step, kinds in found.items()}


def test_the_rows_are_those_of_one_process_and_no_checkpoint_is_left(run, shop):
    result = run()
    assert (result.code, statuses(result)) == (0, dict.fromkeys(STEPS, "completed"))
    assert (rows(shop, "totals"), (shop / "output/large.csv").read_text()) == (TOTALS, LARGE)
    assert kept(shop) == {}


def test_a_checkpoint_that_is_always_kept_is_private_and_holds_what_is_read(run, osiris, shop):
    text = wide(f"{ISOLATED}, checkpoint: always")
    text = text.replace("select 'ann' as customer, 'Ann' as name, 1 as unread", "from names")
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("create table names as select 'ann' as customer, 'Ann' as name, 1 as unread")
    (shop / "pipelines/wide.yaml").write_text(text)
    assert osiris("compile", "pipelines/wide.yaml", "--online").code == 0  # so that the columns are known
    assert run(text=text).code == 0
    assert kept(shop) == {step: [".json", ".parquet"] for step in ("orders", "names", "per", "large")}
    files = [path for path in (shop / ".osiris/checkpoints").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    names = next(path for path in files if path.parent.name == "names" and path.suffix == ".parquet")
    assert duckdb.sql(f"from '{names}'").columns == ["customer", "name"]


FAILS = wide(ISOLATED).replace("select id, amount from", "select id, customer::int as amount from")


@pytest.mark.parametrize("execution", [ISOLATED, "isolation: pipeline"])
def test_a_retry_reads_what_the_failed_run_kept(run, osiris, shop, execution):
    failing = FAILS.replace(ISOLATED, execution)
    result = run(text=failing)
    assert result.code == 4
    assert (statuses(result)["orders"], statuses(result)["large"]) == ("completed", "failed")
    assert "orders" in kept(shop)
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("insert into orders values (9, 'eve', 90)")
    (shop / "pipelines/wide.yaml").write_text(wide(execution))
    again = osiris("run", "--retry", "last", "--no-aiop", "--json")
    unfinished = {step for step, status in statuses(result).items() if status != "completed"}
    assert (again.code, set(statuses(again))) == (0, unfinished)
    assert (shop / "output/large.csv").read_text() == LARGE
    assert rows(shop, "totals") == TOTALS
    assert kept(shop) == {}


def test_never_keeps_nothing_and_a_retry_reads_the_source_again(run, osiris, shop):
    never = f"{ISOLATED}, checkpoint: never"
    assert run(text=FAILS.replace(ISOLATED, never)).code == 4
    assert kept(shop) == {}
    (shop / "pipelines/wide.yaml").write_text(wide(never))
    again = osiris("run", "--retry", "last", "--no-aiop", "--json")
    assert (again.code, "orders" in statuses(again)) == (0, False)
    assert told(again, shop, "large") == ["executed 'orders' again for their rows, without recording: not selected"]


def told(result, shop, step):
    """Return the notes of a step, as its run recorded them."""
    with open_instance(Project(shop), {}) as instance:
        (record,) = read_run(instance, Project(shop), result.data["run_id"])
    return [note for one in record.steps if one.step_id == step for note in one.notes]


@pytest.mark.parametrize("execution", [ISOLATED, "isolation: pipeline"])
def test_selected_steps_read_what_another_run_kept_and_say_so(run, shop, execution):
    failed = run(text=FAILS.replace(ISOLATED, execution))
    result = run("--select", "large", "--select", "file", execution=execution)
    assert (result.code, statuses(result)) == (0, {"large": "completed", "file": "completed"})
    (note,) = told(result, shop, "large")
    assert note.startswith(f"read the rows of 'orders' that run {failed.data['run_id']} kept at 20")
    assert (shop / "output/large.csv").read_text() == LARGE


def test_what_changed_since_is_executed_and_not_read(run, shop):
    run(text=FAILS)
    changed = wide(ISOLATED).replace("table: orders}", "table: orders, filter: id < 3}")
    result = run("--select", "large", "--select", "file", text=changed)
    assert told(result, shop, "large") == ["executed 'orders' again for their rows, without recording: not selected"]
    assert (shop / "output/large.csv").read_text() == "id,amount\n1,10.50\n2,4.00\n"


def test_a_writer_is_never_executed_for_somebody_else_and_its_order_counts_as_kept(run, shop):
    ordered = wide(ISOLATED).replace("needs: [large]\n    config: {path", "needs: [large, totals]\n    config: {path")
    assert ordered != wide(ISOLATED)
    result = run("--select", "file", text=ordered)
    assert (result.code, statuses(result)) == (0, {"file": "completed"})
    assert not (shop / "data/warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("policy", "days", "gone"),
    [("auto", 6, False), ("auto", 8, True), ("always", 800, False), ("never", 0, True)],
)
def test_what_a_failed_run_left_goes_when_its_time_is_over(run, shop, policy, days, gone):
    run(text=FAILS.replace(ISOLATED, f"{ISOLATED}, checkpoint: always"))
    for path in (shop / ".osiris/checkpoints").rglob("*.json"):
        path.write_text(path.read_text().replace('"always"', f'"{policy}"'))
    with open_instance(Project(shop), {}) as instance:
        sweep_checkpoints(instance, Project(shop), now=datetime.now(UTC) + timedelta(days=days))
    assert (kept(shop) == {}) is gone


def test_checkpoints_of_a_run_that_goes_on_or_belongs_to_somebody_else_stay(run, shop):
    run(text=FAILS)
    with open_instance(Project(shop), {}) as instance:
        (failed,) = instance.get_runs()
        going = dg.DagsterRun("wide_job", run_id=str(uuid4()), tags={"dagster/root_run_id": failed.run_id})
        instance.add_run(going)
        assert sweep_checkpoints(instance, Project(shop), now=datetime.now(UTC) + timedelta(days=8)).startswith("0")
        instance.report_run_failed(going)
        instance.delete_run(going.run_id)
        instance.delete_run(failed.run_id)
        assert sweep_checkpoints(instance, Project(shop)).startswith("0")
    assert kept(shop) != {}


def test_checkpoints_lie_at_the_configured_place(run, shop, monkeypatch):
    (shop / "osiris.yaml").write_text("checkpoints: {url: rows}\n")
    run(text=FAILS)
    assert sorted(path.name for path in (shop / "rows").iterdir()) == ["wide"]
    monkeypatch.setenv("OSIRIS_CHECKPOINTS", "memory://rows")
    assert run().code == 0
    monkeypatch.setenv("OSIRIS_CHECKPOINTS", (shop / "elsewhere").as_uri())
    run(text=FAILS)
    assert (shop / "elsewhere/wide").is_dir()
    assert kept(shop) == {}


@pytest.mark.parametrize(
    "url", ["s3://key:secret@bucket", "nosuch://bucket", "http://127.0.0.1:1/rows", "''", "[a]", "/proc/nothing"]
)
def test_a_place_that_cannot_be_used_is_told_before_anything_is_written(run, shop, url):
    (shop / "osiris.yaml").write_text(f"checkpoints: {{url: {url}}}\n")
    result = run()
    assert result.code in (4, 5)
    assert "secret" not in result.out + result.err
    codes = {step["error"]["code"] for step in result.data.get("steps", ()) if "error" in step}
    assert codes | set(result.codes if "steps" not in result.data else ()) <= {"RUN020", "RUN091", "RUN092"}
    assert not (shop / "output").exists()


INCREMENTAL = """\
oml_version: "0.2.0"
name: copy
execution: {EXECUTION}
steps:
  - id: new
    component: duckdb.extractor
    mode: read
    incremental: {cursor: id}
    config: {connection: "@duckdb", table: orders}
  - {id: kept, component: duckdb.processor, mode: transform, config: {query: "select id, customer from df_new"}}
  - id: load
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: copied, write_mode: append}
  - id: strict
    component: duckdb.processor
    mode: transform
    needs: [new, load]
    config: {query: "select id, CAST from df_new"}
  - {id: more, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: more}}
"""


def test_an_incremental_read_goes_on_where_its_targets_are_also_after_a_failure(osiris, shop):
    path = shop / "pipelines/copy.yaml"
    good = INCREMENTAL.replace("EXECUTION", ISOLATED).replace("CAST", "customer")

    def call(*options):
        return osiris("run", *(options or ("pipelines/copy.yaml",)), "--no-aiop", "--json")

    path.write_text(good)
    assert call().code == 0
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("insert into orders values (4, 'dan', 1)")
    path.write_text(INCREMENTAL.replace("EXECUTION", ISOLATED).replace("CAST", "customer::int as customer"))
    assert call().code == 4
    assert len(rows(shop, "copied")) == 4
    with duckdb.connect(shop / "data/ops.duckdb") as session:
        session.execute("insert into orders values (5, 'eve', 1)")
    path.write_text(good)
    assert call("--retry", "last").code == 0
    assert len(rows(shop, "more")) == 4  # those that the failed run had read, for both targets alike
    assert call().code == 0
    assert rows(shop, "more") == rows(shop, "copied") == list(enumerate(("ann", "bob", "ann", "dan", "eve"), 1))


def test_only_the_step_that_fails_is_tried_again_and_a_slow_one_is_ended(run, shop):
    slow = "select count(*) as n from range(100000000) a, range(100000000) b where a.range * b.range = 3"
    retry = "    retry: {attempts: 1, delay: 0, on: [permanent, transient]}\n"
    text = FAILS.replace("  - id: large\n", f"  - id: large\n{retry}").replace(
        "steps:\n",
        "steps:\n  - id: slow\n    component: duckdb.processor\n    mode: transform\n    needs: []\n    timeout: 0.5\n"
        f'    config: {{query: "{slow}"}}\n',
        1,
    )
    result = run(text=text.replace("  - id: orders\n", "  - id: orders\n    needs: []\n"))
    assert result.code == 4
    steps = {step["id"]: step for step in result.data["steps"]}
    assert (steps["large"]["status"], steps["large"]["attempts"]) == ("failed", 2)
    assert (steps["orders"]["status"], "attempts" in steps["orders"]) == ("completed", False)
    assert (steps["slow"]["status"], steps["slow"]["error"]["code"]) == ("failed", "RUN050")
    assert steps["totals"]["status"] == "completed"
    assert rows(shop, "totals") == TOTALS


def test_rows_of_another_partition_are_not_read(osiris, shop):
    path = shop / "pipelines/days.yaml"
    text = """\
oml_version: "0.2.0"
name: days
execution: {isolation: step, checkpoint: always}
partitions: {type: static, keys: [ann, bob]}
steps:
  - id: theirs
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb", table: orders, filter: "customer = ${partition.key}"}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: "output/${partition.key}.csv"}}
"""
    path.write_text(text)

    def call(key, *options):
        return osiris("run", "pipelines/days.yaml", "--partition", key, "--no-aiop", "--json", *options)

    assert call("ann").code == 0
    for key, said in (("bob", "executed 'theirs' again"), ("ann", "read the rows of 'theirs'")):
        result = call(key, "--select", "out")
        assert result.code == 0
        assert told(result, shop, "out")[0].startswith(said)
    assert (shop / "output/bob.csv").read_text() == "id,customer,amount\n2,bob,4.00\n"

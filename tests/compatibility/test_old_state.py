"""What the version of commit 2203e51 left behind is read, retried from and packaged: an upgrade may come at any moment.

Only the command line and Dagster's own are used, so that this holds whatever is renamed inside.
"""

from __future__ import annotations

import json
import shutil

import pytest

from tests.command import written
from tests.compatibility.conftest import warehouse
from tests.compatibility.old_project import FAMILIES
from tests.compatibility.state import ANSWERS, PACKAGES, old_project, unpacked, work_off

ORDERS = [(1, 3), (2, 3), (3, 3)]


def run_of(osiris, pipeline):
    """Return the id of the last run of a pipeline."""
    return osiris("runs", "list", "--pipeline", pipeline, "--json").data["runs"][0]["run_id"]


def statuses(result):
    return {step["id"]: step["status"] for step in result.data["steps"]}


def test_runs_are_told_as_before(osiris, old):
    for question, answer in json.loads(ANSWERS.read_text(encoding="utf-8")).items():
        assert osiris(*question.split()).out == answer, question


def manifests(root):
    """Return the newest manifest of each pipeline, without the digest of the component specs: those grow."""
    found = {}
    for latest in sorted((root / "build").glob("*/LATEST")):
        manifest = json.loads((latest.parent / latest.read_text().strip() / "manifest.json").read_bytes())
        assert manifest["fingerprints"].pop("specs")
        found[latest.parent.name] = manifest
    return found


def test_what_is_compiled_and_what_is_kept_of_it_stay(osiris, old):
    before, files = manifests(old), written(old / "build")
    assert osiris("compile", "pipelines").code == 0
    assert manifests(old) == before
    shutil.rmtree(old / ".osiris" / "compiled")
    assert osiris("compile", "pipelines").code == 0
    assert manifests(old) == before
    after = written(old / "build")
    assert {name: data for name, data in files.items() if not name.endswith("LATEST")}.items() <= after.items()


def test_the_export_queue_is_worked_off_to_the_same_bytes(tmp_path):
    root = old_project(tmp_path / "project")
    before = written(root / "aiop")
    assert work_off(root) == written(unpacked(PACKAGES, tmp_path / "packages"))
    assert len({name for name in written(root / "aiop") if name.endswith("core.jsonld")} - before.keys()) == 7
    assert not list((root / ".osiris" / "exports").glob("[!d]*/*.json")), "none waits, none was given up"


def test_a_package_is_whole_and_is_built_again_to_the_same_bytes(osiris, old):
    run_id = run_of(osiris, "loaded-postgres")
    before = written(old / "aiop")
    assert osiris("logs", "aiop", "verify", run_id).code == 0
    assert osiris("logs", "aiop", "export", run_id).code == 0
    assert written(old / "aiop") == before


@pytest.mark.parametrize("pipeline", ["branched", "isolated"])
def test_a_retry_goes_on_from_the_rows_that_were_kept(osiris, old, pipeline):
    warehouse(old, "delete from orders", "ops")
    file = old / "pipelines" / f"{pipeline}.yaml"
    file.write_text(file.read_text().replace("customer::int", "length(customer)"))
    output = old / "output" / f"{pipeline}.csv"
    before = output.read_bytes()
    result = osiris("run", "--retry", run_of(osiris, pipeline), "--no-aiop", "--json")
    assert (result.code, statuses(result)) == (0, {"cast": "completed", "badly": "completed"})
    assert warehouse(old, f"select id, n from {pipeline} order by id") == ORDERS
    assert output.read_bytes() == before


@pytest.mark.parametrize("family", FAMILIES)
def test_a_load_that_is_recorded_is_not_written_again(osiris, old, asking, family):
    query = asking(family)
    assert query("select count(*) from loaded") == [(3,)]
    result = osiris("run", "--retry", run_of(osiris, f"loaded-{family}"), "--no-aiop", "--json")
    assert (result.code, statuses(result)["load"]) == (0, "completed")
    assert query("select count(*) from loaded") == [(3,)]


def test_an_append_to_a_file_that_is_recorded_is_not_written_again(osiris, old):
    before = written(old / "output")
    result = osiris("run", "--retry", run_of(osiris, "loaded-csv"), "--no-aiop", "--json")
    assert (result.code, statuses(result)["load"]) == (0, "completed")
    assert written(old / "output") == before


@pytest.mark.parametrize("family", FAMILIES)
def test_an_incremental_step_goes_on_from_its_position(osiris, old, asking, family):
    query = asking(family)
    warehouse(old, "insert into events values (4, timestamp '2026-01-01 09:00:00')", "ops")
    result = osiris("run", f"pipelines/followed-{family}.yaml", "--no-aiop", "--json")
    assert (result.code, {step["id"]: step["rows_out"] for step in result.data["steps"]}["new"]) == (0, 1)
    assert query("select id from followed order by id") == [(1,), (2,), (3,), (4,)]


def test_another_partition_joins_those_that_are_there(osiris, old):
    assert osiris("run", "pipelines/days.yaml", "--partition", "2025-01-02", "--no-aiop").code == 0
    assert osiris("run", "pipelines/days.yaml", "--partition", "2025-01-06", "--no-aiop").code == 0
    assert warehouse(old, "select day(day), total from sums order by day") == [(day, 11) for day in range(2, 7)]

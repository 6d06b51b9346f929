"""`osiris run` of two steps against the same two assets written by hand, each on a persistent instance of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, race

_OML = """\
oml_version: "0.1.0"
name: trivial
steps:
  - {id: rows, component: filesystem.csv_extractor, mode: read, config: {path: in.csv}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: out.csv}}
"""
_HAND = """\
import dagster as dg
import pyarrow as pa, pyarrow.csv as csv

@dg.asset
def rows(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    table = csv.read_csv("in.csv")
    csv.write_csv(table, "step.csv")
    return dg.MaterializeResult(metadata={"dagster/row_count": table.num_rows})

@dg.asset(deps=[rows])
def out(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    table = csv.read_csv("step.csv")
    csv.write_csv(table, "out.csv")
    return dg.MaterializeResult(metadata={"dagster/row_count": table.num_rows})

defs = dg.Definitions(assets=[rows, out], jobs=[dg.define_asset_job("both", executor_def=dg.in_process_executor)])
if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def("both").execute_in_process(
            instance=instance, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
        assert result.success
"""


def own(folder: Path, checkout: Checkout) -> list[Case]:
    (folder / "osiris.yaml").touch()
    (folder / "in.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "trivial.yaml").write_text(_OML)
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    env, run = {"DAGSTER_HOME": str(home)}, [checkout.osiris, "run", "trivial.yaml"]
    return [
        Case("osiris", [*run, "--no-aiop"], env, cwd=str(folder)),
        Case("osiris with export", run, env, cwd=str(folder)),
    ]


def bars(folder: Path) -> list[Bar]:
    cases = own(folder, HERE)
    (folder / "by_hand.py").write_text(_HAND)
    figures = race([Case("by hand", [sys.executable, "by_hand.py"], cases[0].env, cwd=str(folder)), *cases])
    hand, ours, export = figures["by hand"], figures["osiris"], figures["osiris with export"]
    detail = f"{ours.wall:.2f} s against {hand.wall:.2f} s"
    with_export = f"{export.wall:.2f} s: the package costs {export.wall - ours.wall:.2f} s"
    return [
        Bar("trivial run without export: wall, against two hand-written assets", ours.wall / hand.wall, 1.3, detail),
        Bar("the same with its package (reported, no bar)", export.wall / hand.wall, float("inf"), with_export),
    ]

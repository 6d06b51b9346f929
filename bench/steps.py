"""A pipeline of 20 empty steps against a multi_asset written by hand that emits the same events, on the same instance.

Both are `execute_in_process` of a job on the persistent instance of one home, in a process that has loaded everything:
what is timed is the run. The events of ours are recorded first, and the hand-written asset emits them again, with the
same metadata, so that both write the same number of rows of the same size into Dagster's event log.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, race

STEPS = 20
_RUNS = 5
_HEAD = 'oml_version: "0.2.0"\nname: empty\nsteps:\n'
_FIRST = '  - {id: s0, component: duckdb.processor, mode: transform, config: {query: "select 1 as n where false"}}\n'
_STEP = (
    '  - {{id: s{n}, component: duckdb.processor, mode: transform, config: {{query: "select n from df_s{before}"}}}}\n'
)
_COMMON = """\
import statistics, time
import dagster as dg
from pathlib import Path
from dagster._serdes import deserialize_value, serialize_value

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

def timed(job, instance, runs):
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        result = job.execute_in_process(instance=instance, run_config=QUIET)
        seconds.append(time.perf_counter() - start)
        assert result.success
    print("seconds", statistics.median(seconds[1:]))
    return result
"""
_OURS = (
    _COMMON
    + """
from osiris_dagster.definitions import defs

job = defs().resolve_job_def("empty_job")
with dg.DagsterInstance.get() as instance:
    result = timed(job, instance, RUNS)
    if not Path("events.json").exists():
        found = [e.asset_materialization for e in instance.all_logs(result.run_id) if e.asset_materialization]
        Path("events.json").write_text(serialize_value(found))
        print("events", len(instance.all_logs(result.run_id)))
"""
)
_HAND = (
    _COMMON
    + """
FOUND = deserialize_value(Path("events.json").read_text())

@dg.multi_asset(
    specs=[
        dg.AssetSpec(event.asset_key, deps=[FOUND[at - 1].asset_key] if at else [], skippable=True)
        for at, event in enumerate(FOUND)
    ],
    can_subset=True,
)
def by_hand(context):
    for event in FOUND:
        yield dg.MaterializeResult(asset_key=event.asset_key, metadata=event.metadata)

job = dg.Definitions(
    assets=[by_hand], jobs=[dg.define_asset_job("by_hand_job", executor_def=dg.in_process_executor)]
).resolve_job_def("by_hand_job")
with dg.DagsterInstance.get() as instance:
    result = timed(job, instance, RUNS)
"""
)


def own(folder: Path, checkout: Checkout) -> list[Case]:
    (folder / "pipelines").mkdir()
    (folder / "osiris.yaml").touch()
    steps = "".join(_STEP.format(n=n, before=n - 1) for n in range(1, STEPS))
    (folder / "pipelines/empty.yaml").write_text(_HEAD + _FIRST + steps)
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (folder / "ours.py").write_text(_OURS.replace("RUNS", str(_RUNS)))
    env = {"DAGSTER_HOME": str(home), "OSIRIS_HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    return [Case("ours", [checkout.python, "ours.py"], env, cwd=str(folder), seconds=_seconds)]


def bars(folder: Path) -> list[Bar]:
    (ours_case,) = own(folder, HERE)
    (folder / "by_hand.py").write_text(_HAND.replace("RUNS", str(_RUNS)))
    hand_case = replace(ours_case, name="by_hand", command=[sys.executable, "by_hand.py"])
    race([ours_case], rounds=1)  # leaves the events for the other
    assert len(json.loads((folder / "events.json").read_text())) == STEPS
    figures = race([ours_case, hand_case], rounds=3)
    ours, by_hand = figures["ours"].wall, figures["by_hand"].wall
    detail = f"{ours * 1000:.0f} ms against {by_hand * 1000:.0f} ms a run"
    return [Bar(f"{STEPS} empty steps, against a multi_asset with the same events", ours / by_hand, 1.2, detail)]


def _seconds(output: bytes) -> float:
    found = re.search(rb"seconds ([0-9.]+)", output)
    assert found, output
    return float(found[1])

"""The bars of the AI Operation Package: builder, gates, long logs, waiting runs, and the way from a run's end to disk.

python bench aiop        runs all of them; `make bench-aiop` does the same
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

from measure import HERE, Bar, Case, Checkout

PIPELINE = """\
oml_version: "0.2.0"
name: tiny
owners: [bench@example.com]
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select range as n from range(100)"}}
  - id: total
    component: duckdb.processor
    mode: transform
    needs: [rows]
    config: {query: "select sum(n) as total from df_rows"}
"""
LINE = "part 1 of the day was read in 12 ms, 1,000 rows of osiris_dagster/drivers/duckdb"
FEW, MANY = 10_000, 100_000
WAITING = int(os.environ.get("BENCH_WAITING", "1000"))
LIVE_RUNS = 9


def bars(folder: Path) -> list[Bar]:
    return [*core_bars(), *log_bars(folder / "log"), *queue_bars(folder / "queue"), *live_bars(folder / "live")]


def measured(*arguments: str, cwd: Path | None = None) -> dict[str, float]:
    """Run a part of this file in a fresh process; a median of three."""
    command = [sys.executable, str(Path(__file__)), *arguments]
    rounds = [
        json.loads(subprocess.run(command, check=True, capture_output=True, cwd=cwd).stdout.splitlines()[-1])
        for _ in range(3)
    ]
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}


def core_bars() -> list[Bar]:
    built = measured("build")
    judged = measured("judge")
    size = f"core of {built['bytes']:,.0f} bytes"
    return [
        Bar("builder, CPU seconds", built["seconds"], 0.2, size),
        Bar("builder, MB added", built["megabytes"], 20, f"{size}, tracemalloc peak"),
        Bar("gates, CPU seconds", judged["seconds"], 1.5, f"{size}, fresh process with its imports"),
    ]


def full_facts() -> object:
    """Facts whose core fills the limit."""
    from osiris_dagster.aiop.facts.facts import Facts
    from osiris_dagster.columns import Column
    from osiris_dagster.compiler.manifest import Manifest, StepInput, StepPlan
    from osiris_dagster.runs.record import EventRecord, RunRecord, StepRecord

    columns = tuple(Column(f"column_{n}", "string", nullable=True) for n in range(14))
    ids = [f"step_{n}" for n in range(40)]
    plans = tuple(
        StepPlan(
            name,
            "duckdb.processor",
            "1.0.0",
            "processor",
            {"query": f"select * from df_step_{n - 1}"},
            needs=(ids[n - 1],) if n else (),
            inputs=(StepInput(ids[n - 1], ("df",)),) if n else (),
            columns=columns,
        )
        for n, name in enumerate(ids)
    )
    start = 1_768_445_700_000
    manifest = Manifest("p", "pipelines/p.yaml", "0.2.0", plans)
    steps = tuple(StepRecord(i, "completed", start, start + 900, 800, 10, 10, 100, 10**8, columns=columns) for i in ids)
    events = tuple(EventRecord(start + n, "log", message=f"{LINE} {n}", level="warning") for n in range(280))
    record = RunRecord("r", "r", "", "p", manifest.hash, "completed", start, start + 1000, steps, events)
    return Facts(record, manifest)


def build_once() -> dict[str, float]:
    from osiris_dagster.aiop.facts.normalize import normalize
    from osiris_dagster.aiop.sections.build import build

    facts = full_facts()
    began = time.process_time()
    core = build(normalize(facts)).core  # type: ignore[arg-type]
    seconds = time.process_time() - began
    tracemalloc.start()
    build(normalize(facts))  # type: ignore[arg-type]
    return {"seconds": seconds, "megabytes": tracemalloc.get_traced_memory()[1] / 1e6, "bytes": len(core)}


def judge_once() -> dict[str, float]:
    from osiris_dagster.aiop.facts.normalize import normalize
    from osiris_dagster.aiop.sections.build import build

    core = build(normalize(full_facts())).core  # type: ignore[arg-type]
    began = time.process_time()
    from osiris_dagster.aiop.gates.judge import judge

    verdict = judge(core)
    assert verdict.valid, verdict.reasons
    return {"seconds": time.process_time() - began}


def own(folder: Path, checkout: Checkout) -> list[Case]:
    """Packages of a short and of a long run, built anew by the command."""
    cases = []
    for lines in (100, FEW):
        root = folder / str(lines)
        project(root, checkout)
        osiris(root, "run", "pipelines/tiny.yaml", "--no-aiop", checkout=checkout)
        lengthen(root, lines)
        export = [checkout.osiris, "logs", "aiop", "export"]
        cases.append(Case(f"export of {lines:,} events", export, cwd=str(root), judged="cpu"))
    return cases


def osiris(root: Path, *arguments: str, checkout: Checkout = HERE) -> None:
    subprocess.run([checkout.osiris, *arguments], cwd=root, check=True, capture_output=True)


def project(root: Path, checkout: Checkout = HERE) -> Path:
    (root / "pipelines").mkdir(parents=True)
    (root / "osiris.yaml").touch()
    (root / "pipelines" / "tiny.yaml").write_text(PIPELINE)
    osiris(root, "compile", "pipelines/tiny.yaml", checkout=checkout)
    return root


@contextmanager
def opened(root: Path):
    from osiris_dagster.project import Project
    from osiris_dagster.runs.instance import open_instance

    os.environ["OSIRIS_HOME"] = str(root)
    os.environ.pop("DAGSTER_HOME", None)
    with open_instance(Project(root), {}) as instance:
        yield Project(root), instance


def log_bars(root: Path) -> list[Bar]:
    project(root)
    osiris(root, "run", "pipelines/tiny.yaml", "--no-aiop")
    found = {}
    done = 0
    for lines in (100, FEW, MANY):
        lengthen(root, lines - done)
        done = lines
        found[lines] = measured("export", str(root))
    few, many = found[FEW], found[MANY]
    added = many["megabytes"] - found[100]["megabytes"]
    return [
        Bar(f"{MANY:,} events, CPU seconds", many["seconds"], 10, "log to package, exporter and child"),
        Bar(f"{MANY:,} events, MB added", added, 60, "largest process, against 100 events"),
        Bar(f"{MANY:,} against {FEW:,} events", many["seconds"] / few["seconds"], 11, "ratio of CPU seconds"),
    ]


def lengthen(root: Path, lines: int) -> None:
    """Give the only run of a project more lines of log: one through Dagster, the others as copies of its row."""
    from dagster import DagsterInstance, EventLogEntry

    with DagsterInstance.from_config(str(root / ".osiris" / "dagster_home")) as instance:
        run_id = instance.get_runs()[0].run_id
        instance.store_event(EventLogEntry(None, 20, LINE, run_id, time.time(), None, "tiny_job"))
    (shard,) = (root / ".osiris").rglob(f"{run_id}.db")
    with sqlite3.connect(shard) as log:
        log.execute(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)"
            " insert into event_logs (run_id, event, dagster_event_type, timestamp, step_key)"
            " select run_id, event, dagster_event_type, timestamp, step_key from n,"
            " (select * from event_logs where dagster_event_type is null order by id limit 1)",
            (lines,),
        )


def export_once(root: str) -> dict[str, float]:
    from osiris_dagster.exports.export import export_run

    with opened(Path(root)) as (where, instance):
        began = sum(os.times()[:4])
        (package,) = export_run(instance, where, instance.get_runs()[0].run_id)
        seconds = sum(os.times()[:4]) - began
    assert package.valid, package.reasons
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "megabytes": largest / 1024}


def queue_bars(root: Path) -> list[Bar]:
    """Let runs wait that no sensor saw, and work them off as the sensors do."""
    project(root)
    subprocess.run([sys.executable, __file__, "runs", str(root), str(WAITING)], check=True, capture_output=True)
    began = time.perf_counter()
    with opened(root) as (where, instance):
        from datetime import UTC, datetime, timedelta

        from osiris_dagster.aiop.disk.index import read_index
        from osiris_dagster.assets.keys import aiop_key
        from osiris_dagster.exports.ended import queue_ended
        from osiris_dagster.exports.queue import export_queue
        from osiris_dagster.exports.work_off import work_off

        since = datetime.now(UTC) - timedelta(days=7)
        while True:
            queued, since = queue_ended(instance, where, since)
            work_off(instance, where)
            if not queued and not list(export_queue(where).pending()):
                break
        seconds = time.perf_counter() - began
        packages = [entry.run_id for entry in read_index(where.aiop) if entry.valid]
        shown = instance.fetch_materializations(aiop_key("tiny"), limit=2 * WAITING + 1).records
    missing = WAITING - len(set(packages))
    twice = len(packages) - len(set(packages)) + len(shown) - len(set(packages))
    detail = f"{seconds / WAITING:.2f} s a run"
    return [
        Bar(f"{WAITING:,} waiting runs, not packaged", missing, 0, detail),
        Bar(f"{WAITING:,} waiting runs, packaged twice", twice, 0, detail),
    ]


def make_runs(root: str, count: str) -> None:
    """Run the pipeline in process, as a person's script would, so that no status sensor sees it."""
    with opened(Path(root)) as (_, instance):
        from osiris_dagster.definitions import defs

        job = defs().resolve_job_def("tiny_job")
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        for _ in range(int(count)):
            assert job.execute_in_process(instance=instance, run_config=quiet).success


def live_bars(root: Path) -> list[Bar]:
    """Start what `make ui` starts, launch runs as the UI does, and wait for each package."""
    project(root)
    (root / "workspace.yaml").write_text("load_from:\n  - python_module: osiris_dagster.definitions\n")
    env = {**os.environ, "OSIRIS_HOME": str(root), "DAGSTER_HOME": str(root / ".osiris" / "dagster_home")}
    with opened(root):
        pass  # writes dagster.yaml
    dagster = [sys.executable, "-m", "dagster"]
    with (root / "dev.log").open("w") as log:
        dev = subprocess.Popen(
            [*dagster, "dev", "-w", "workspace.yaml", "-p", "0"], cwd=root, env=env, stdout=log, stderr=log
        )
    try:
        seconds = sorted(lag(root, env) for _ in range(LIVE_RUNS))
    finally:
        dev.terminate()
        dev.wait()
    return [Bar("run end to package on disk, seconds", statistics.median(seconds), 6, f"{LIVE_RUNS} runs, UI running")]


def lag(root: Path, env: dict[str, str]) -> float:
    """Launch one run and return the seconds between its end and its package."""
    launch = [sys.executable, "-m", "dagster", "job", "launch", "-w", "workspace.yaml", "-j", "tiny_job"]
    subprocess.run(launch, cwd=root, env=env, check=True, capture_output=True)
    with opened(root) as (where, instance):
        run_id = instance.get_runs(limit=1)[0].run_id
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            found = [p for p in where.aiop.glob("tiny/*/core.jsonld") if run_id in p.read_text(encoding="utf-8")]
            record = instance.get_run_record_by_id(run_id)
            if found and record and record.end_time:
                return max(found[0].parent.stat().st_mtime - record.end_time, 0.0)
            time.sleep(0.2)
    raise SystemExit(f"no package of run {run_id}; see {root / 'dev.log'}")


if __name__ == "__main__":
    part, *given = sys.argv[1:]
    parts = {"build": build_once, "judge": judge_once, "export": export_once, "runs": make_runs}
    print(json.dumps(parts[part](*given)))

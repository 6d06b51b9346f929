"""Tell the demo: the pipelines of this checkout, run as anybody would run them, and what they leave.

python examples/demo.py run         two pipelines, from an operational database to a report
python examples/demo.py failure     a pipeline that fails, and what that leaves
python examples/demo.py ui [PORT]   the Dagster UI on the same project
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import duckdb

from osiris_dagster.project import Project

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "OSIRIS_HOME": str(ROOT), "DAGSTER_HOME": str(Project(ROOT).dagster_home)}
FAILED_STEP = 4  # exit code of `osiris run`

LEFT_BEHIND = {
    "output/enriched_flights.parquet": "select count(*) from 'output/enriched_flights.parquet'",
    "output/daily_delays.csv": "select count(*) from 'output/daily_delays.csv'",
    "output/carrier_report.csv": "select count(*) from 'output/carrier_report.csv'",
    "data/warehouse.duckdb  marts.daily_delays": "select count(*) from warehouse.marts.daily_delays",
    "data/warehouse.duckdb  marts.carrier_report": "select count(*) from warehouse.marts.carrier_report",
}


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text}", flush=True)


def osiris(*arguments: str) -> int:
    """Run the command, show it as a person would type it, and return its exit code."""
    print(f"\n$ osiris {' '.join(arguments)}", flush=True)
    command = [Path(sys.executable).with_name("osiris"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False).returncode


def must(*arguments: str) -> None:
    """Run the command and leave with its exit code when it fails."""
    if code := osiris(*arguments):
        sys.exit(code)


def show_results() -> None:
    """Print what the two pipelines left, with row counts, and the head of the report."""
    os.chdir(ROOT)
    title("What the pipelines left")
    with duckdb.connect() as session:
        session.execute("attach 'data/warehouse.duckdb' as warehouse (read_only)")
        for name, query in LEFT_BEHIND.items():
            print(f"  {name:<46}{session.execute(query).fetchall()[0][0]:>8,} rows")
        print()
        report = "select place, airline, flights, disrupted_pct from 'output/carrier_report.csv' limit 5"
        for place, airline, flights, disrupted in session.execute(report).fetchall():
            print(f"  {place:>3}. {airline:<28}{flights:>6,} flights, {disrupted:>4} % late or cancelled")


def show_package(pipeline: str) -> None:
    """Print the run card of the last run and where its package lies."""
    title("The run card")
    must("logs", "aiop", "--last", "--format", "md")
    packages = sorted((ROOT / "aiop" / pipeline).glob("*/core.jsonld"), key=lambda file: file.stat().st_mtime)
    if not packages:
        sys.exit(f"no package of {pipeline} below aiop/")
    title("The AI Operation Package")
    print(f"  {packages[-1].parent.relative_to(ROOT)}/")
    for file in sorted(path for path in packages[-1].parent.iterdir() if path.is_file()):
        print(f"    {file.name:<24}{file.stat().st_size:>10,} bytes")


def run() -> None:
    """Compile and run both pipelines; the second reads the table that the first writes."""
    for pipeline in ("flights-daily", "carrier-report"):
        title(f"The pipeline {pipeline}")
        must("compile", "--online", f"pipelines/{pipeline}.yaml")
        must("run", f"pipelines/{pipeline}.yaml")
    show_results()
    show_package("carrier-report")
    print("\nNext: make ui, make demo-failure")


def failure() -> None:
    """Run the pipeline that must fail, show what it leaves, and fail when it does anything else."""
    title("The pipeline dirty-cast, which fails on purpose")
    code = osiris("run", "pipelines/dirty-cast.yaml")
    print(f"\nexit code {code}, expected {FAILED_STEP}: a step failed")
    if code != FAILED_STEP:
        sys.exit(1)
    if (ROOT / "output/fleet.csv").exists():
        sys.exit("output/fleet.csv exists, although the step before it failed")
    print("no output file was written")
    show_package("dirty-cast")
    print("\nNext: make ui, then Runs")


def free_port(wanted: int) -> int:
    """Return the port, or the next free one of the loopback interface."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    sys.exit(f"no free port between {wanted} and {wanted + 49}")


def ui(wanted: str = "3000") -> None:
    """Become the Dagster web server with its daemon, so that the sensors run too."""
    from osiris_dagster.runs.instance import dagster_home  # noqa: PLC0415 - only the UI waits for Dagster to load

    dagster_home(Project(ROOT), ENVIRONMENT)
    port = free_port(int(wanted))
    print(f"\nDagster UI: http://127.0.0.1:{port}  (ready in about half a minute, Ctrl-C stops it)\n", flush=True)
    os.chdir(ROOT)
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    quiet = {"PYTHONWARNINGS": "ignore:Function `dev_command` is superseded"}
    os.execve(dagster, command, {**ENVIRONMENT, **quiet})


if __name__ == "__main__":
    name, *rest = sys.argv[1:] or ["run"]
    {"run": run, "failure": failure, "ui": ui}[name](*rest)

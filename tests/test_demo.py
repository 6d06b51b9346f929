"""The demo end to end, in a copy of the checkout: its figures equal a second computation in plain Python, its failure
is clean, and nothing that git knows changes by it."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

ROOT = Path(__file__).parent.parent
DATA = ROOT / "examples" / "data" / "nycflights13"
LATE_AFTER, MIN_FLIGHTS = 15, 100  # the defaults of the two pipelines


def rows(table: str) -> list[dict[str, str]]:
    with gzip.open(DATA / f"{table}.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("OSIRIS", "DAGSTER"))}


def osiris(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("osiris"), *arguments]
    return subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)


def git(project: Path, *arguments: str) -> str:
    who = (
        "-c",
        "safe.directory=*",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    return subprocess.run(["git", *who, *arguments], cwd=project, check=True, capture_output=True, text=True).stdout


def demo(project: Path, script: str, *arguments: str) -> str:
    """Run a script of the examples as `make` does; return what it printed."""
    command = [sys.executable, f"examples/{script}.py", *arguments]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of the checkout as it is, without what runs have made in it."""
    target = tmp_path_factory.mktemp("demo") / "project"
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "commit", "-qm", "all")
    return target


@pytest.fixture(scope="module")
def project(fresh: Path) -> Path:
    """Return the clone with the data of the demo."""
    demo(fresh, "seed")
    return fresh


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    """Return the project after `make demo`."""
    told = demo(project, "demo", "run")
    assert "460 rows" in told
    return project


def expected_delays() -> dict[tuple[date, str], list[int | None]]:
    """Return flights, cancelled, late, minutes and worst delay of each day and carrier."""
    delays: dict[tuple[date, str], list[int | None]] = defaultdict(lambda: [0, 0, 0, 0, None])
    for flight in rows("flights"):
        day = delays[date(2013, 1, int(flight["day"])), flight["carrier"]]
        delay = None if flight["dep_delay"] == "NA" else int(flight["dep_delay"])
        late, minutes = (0, 0) if delay is None else (delay >= LATE_AFTER, max(delay, 0))
        added = (1, flight["dep_time"] == "NA", late, minutes)
        worst = [value for value in (day[4], delay) if value is not None]
        day[:] = [*(have + more for have, more in zip(day, added, strict=False)), max(worst, default=None)]
    return dict(delays)


def test_the_database_holds_the_rows_of_the_files(project: Path) -> None:
    with duckdb.connect(project / "data" / "ops.duckdb", read_only=True) as ops:
        for table in ("flights", "weather", "planes", "airlines"):
            assert ops.table(table).shape[0] == len(rows(table))


@pytest.mark.parametrize("pipeline", sorted(path.name for path in (ROOT / "pipelines").glob("*.yaml")))
def test_a_pipeline_of_the_demo_validates_strictly(project: Path, pipeline: str) -> None:
    done = osiris(project, "validate", "--mode", "strict", f"pipelines/{pipeline}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_of_delays_equals_a_plain_count(finished: Path) -> None:
    query = "select day, carrier, flights, cancelled, late, delay_minutes, worst_delay from marts.daily_delays"
    with duckdb.connect(finished / "data" / "warehouse.duckdb", read_only=True) as warehouse:
        found = {(row[0], row[1]): list(row[2:]) for row in warehouse.execute(query).fetchall()}
    assert found == expected_delays()


def test_the_report_ranks_by_the_share_of_disrupted_departures(finished: Path) -> None:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (_, carrier), (flights, cancelled, late, *_) in expected_delays().items():
        totals[carrier][0] += flights or 0
        totals[carrier][1] += (cancelled or 0) + (late or 0)
    ranked = [carrier for carrier, (flights, _) in totals.items() if flights >= MIN_FLIGHTS]
    ranked.sort(key=lambda carrier: totals[carrier][1] / totals[carrier][0])
    small = sorted(carrier for carrier, (flights, _) in totals.items() if flights < MIN_FLIGHTS)
    with (finished / "output" / "carrier_report.csv").open(newline="") as file:
        report = list(csv.DictReader(file))
    assert [row["carrier"] for row in report] == [*ranked, *small]
    assert [row["place"] for row in report] == [*map(str, range(1, len(ranked) + 1)), *[""] * len(small)]


def test_every_departure_reaches_the_parquet_file_once(finished: Path) -> None:
    flights = rows("flights")
    tails = {plane["tailnum"] for plane in rows("planes")}
    hours = {(weather["origin"], weather["time_hour"]) for weather in rows("weather")}
    counts = "count(*), count(seats), count(temp), count(distinct (day, carrier, flight, origin))"
    with duckdb.connect() as session:
        found = session.execute(
            f"select {counts} from read_parquet(?)", [str(finished / "output" / "enriched_flights.parquet")]
        ).fetchall()[0]
    with_plane = sum(flight["tailnum"] in tails for flight in flights)
    with_weather = sum((flight["origin"], flight["time_hour"]) in hours for flight in flights)
    assert found == (len(flights), with_plane, with_weather, len(flights))


def test_a_dirty_value_fails_the_run_and_leaves_no_output(project: Path) -> None:
    told = demo(project, "demo", "failure")
    assert "Traceback" not in told
    assert "fleet" in told
    assert not (project / "output" / "fleet.csv").exists()
    assert list((project / "aiop" / "dirty-cast").glob("*/core.jsonld"))


def test_what_fails_on_purpose_says_so_and_starts_by_nothing() -> None:
    document = yaml.safe_load((ROOT / "pipelines" / "dirty-cast.yaml").read_text("utf-8"))
    assert document["description"].startswith("Fails on purpose")
    assert document["tags"]["fails"] == "on-purpose"
    assert "schedule" not in document


def test_nothing_that_git_knows_changes_by_the_demo(finished: Path) -> None:
    demo(finished, "demo", "failure")
    assert git(finished, "status", "--porcelain") == ""


def test_a_location_of_the_checkout_shows_its_pipelines(fresh: Path) -> None:
    code = "from osiris_dagster.definitions import defs; print(*(job.name for job in defs().resolve_all_job_defs()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=fresh, env=environment(), capture_output=True, text=True, check=True
    )
    assert {"carrier_report_job", "dirty_cast_job", "flights_daily_job"} <= set(done.stdout.split())

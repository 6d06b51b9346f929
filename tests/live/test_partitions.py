"""Backfills as the UI launches them: single runs by the daemon, a range in one run, one day again."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from osiris_dagster.runs.tags import PARTITION, RANGE_END, RANGE_START
from tests.live.conftest import Dev, wait_for

STEPS = [{"path": ["days", "sales"]}, {"path": ["days", "out"]}]
TABLE = {"path": ["duckdb", "warehouse", "main", "days"]}
JANUARY = [date(2026, 1, 1) + timedelta(days) for days in range(40)]


def materialized(dev: Dev, key: object) -> set[str]:
    """Return the partitions that the UI shows as materialized, of those it knows."""
    node = dev.ask(
        "query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode { partitionKeys"
        " assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } } } } }",
        k=key,
    )["assetNodeOrError"]
    assert node["partitionKeys"] == [day.isoformat() for day in JANUARY]
    spans = [span for span in node["assetPartitionStatuses"]["ranges"] if span["status"] == "MATERIALIZED"]
    return {key for key in node["partitionKeys"] for span in spans if span["startKey"] <= key <= span["endKey"]}


def days(dev: Dev) -> dict[str, int]:
    with duckdb.connect(dev.root / "data/warehouse.duckdb", read_only=True) as session:
        return {day.isoformat(): n for day, n in session.sql("select day, n from days").fetchall()}


def test_thirty_days_in_one_run_three_as_single_runs_and_one_again(dev: Dev) -> None:
    keys = [day.isoformat() for day in JANUARY]
    asked = dev.ask(
        "mutation($b: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $b) { __typename"
        " ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }",
        b={"partitionNames": keys[30:33], "assetSelection": STEPS},
    )["launchPartitionBackfill"]
    ranged = dev.launch("days_job", {RANGE_START: keys[0], RANGE_END: keys[29]})
    wait_for(lambda: dev.status(ranged) == "SUCCESS")

    status = "query($b: String!) { partitionBackfillOrError(backfillId: $b) { ... on PartitionBackfill { status } } }"
    wait_for(
        lambda: dev.ask(status, b=asked["backfillId"])["partitionBackfillOrError"]["status"] == "COMPLETED_SUCCESS"
    )
    assert days(dev) == dict.fromkeys(keys[:33], 1)
    for key in (*STEPS, TABLE):
        assert materialized(dev, key) == set(keys[:33]), "the last seven are shown as missing"
    (core,) = wait_for(lambda: dev.packages(ranged))
    assert core["run"]["partition"] == f"{keys[0]}...{keys[29]}"

    with duckdb.connect(dev.root / "data/ops.duckdb") as session:
        session.execute("update sales set n = 2")
    again = dev.launch("days_job", {PARTITION: keys[6]})
    wait_for(lambda: dev.status(again) == "SUCCESS")
    assert days(dev) == {**dict.fromkeys(keys[:33], 1), keys[6]: 2}

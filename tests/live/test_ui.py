"""What a person sees in Dagster's UI: the real pages of a real `dagster dev`, read by a real browser."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.command import COMMAND, environment
from tests.live.browser import Page, browser
from tests.live.conftest import Dev, wait_for


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def at(dev: Dev, path: str) -> str:
    return f"http://127.0.0.1:{dev.port}{path}"


def test_a_file_that_does_not_compile_shows_its_diagnostics(dev: Dev, page: Page) -> None:
    wait_for(lambda: dev.asset("osiris_broken", "pipelines", "broken.yaml")["assetChecksOrError"]["checks"])
    text = page.open(
        at(dev, "/assets/osiris_broken/pipelines/broken.yaml"),
        "pipelines/broken.yaml does not compile.",
        "OML",
        "the first fault",
    )
    assert "fix:" in text


def test_a_step_shows_rows_columns_lineage_its_oml_and_its_packages(dev: Dev, page: Page) -> None:
    for arguments in (["compile", "--online", "pipelines/shop.yaml"], ["reload", "--url", at(dev, "")]):
        subprocess.run([COMMAND, *arguments], cwd=dev.root, env=environment(), check=True, capture_output=True)
    run = dev.launch("shop_daily_job")
    wait_for(lambda: dev.packages(run))
    page.open(
        at(dev, "/assets/shop-daily/totals"),
        *("Row count", "customer", "total", "decimal"),  # columns with their types
        "duckdb/ops/main/orders.customer",  # where a column comes from
        "step totals",  # link to the line of OML
        *("data@example.com", "domain: sales", "shop_daily_job"),
        "duckdb / warehouse / main / totals",  # downstream
    )
    page.click("aiop / shop-daily")
    page.shows("run card", "core.jsonld", run, "completed")


def test_a_package_shows_its_run_card(dev: Dev, page: Page) -> None:
    run = dev.launch("failing_job")
    wait_for(lambda: dev.packages(run))
    page.open(at(dev, "/assets/aiop/failing"), "run card", "[Show Markdown]", "core.jsonld", run)
    page.click("[Show Markdown]")
    page.shows("Conversion Error")


def test_what_starts_by_itself_is_seen(dev: Dev, page: Page) -> None:
    page.open(
        at(dev, "/automation"),
        *("ticking_schedule", "Every minute", "osiris_on_update", "osiris_export", "osiris_reconcile"),
    )
    page.open(
        at(dev, "/assets/follower/out"), "osiris_on_update", "Freshness policy", "Fails if more than an hour since"
    )

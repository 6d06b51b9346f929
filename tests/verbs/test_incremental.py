"""Incremental reads: what is new and nothing else, committed with its position, whatever fails in between."""

from __future__ import annotations

import duckdb
import pytest

from tests.command import rows

PIPELINE = """\
oml_version: "0.2.0"
name: copy
steps:
  - id: new
    component: duckdb.extractor
    mode: read
    incremental: {INCREMENTAL}
    config: {connection: "@duckdb", table: events}
  - {id: kept, component: duckdb.processor, mode: transform, config: {query: "select id, seen, word from df_new"}}
  - id: load
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: events, MODE}
"""
UPSERT = "write_mode: upsert, primary_key: id"


@pytest.fixture
def source(shop):
    """Returns a function that runs SQL in the source, which holds three events."""

    def run(sql):
        with duckdb.connect(shop / "data" / "ops.duckdb") as session:
            session.execute(sql)

    run(
        "create table events as select i as id, timestamp '2026-01-01 00:00:00.000001' + to_hours(i::int) as seen,"
        " 'w' || i as word from range(1, 4) t(i)"
    )
    return run


@pytest.fixture
def copy(osiris, shop, source):
    """Returns a function that runs the pipeline; the last one written holds."""
    path = shop / "pipelines" / "copy.yaml"

    def run(incremental=None, mode="write_mode: append", *options):
        if incremental:
            path.write_text(PIPELINE.replace("{INCREMENTAL}", "{" + incremental + "}").replace("MODE", mode))
        return osiris("run", "pipelines/copy.yaml", "--no-aiop", "--json", *options)

    return run


def read(result):
    return next(step["rows_out"] for step in result.data["steps"] if step["id"] == "new")


def words(shop):
    return [word for _, _, word in rows(shop, "events")]


@pytest.mark.parametrize("cursor", ["id", "seen", "word"])
def test_only_what_is_new_is_read(copy, shop, source, cursor):
    assert read(copy(f"cursor: {cursor}")) == 3
    assert read(copy()) == 0
    source("insert into events values (4, timestamp '2026-01-01 09:00:00', 'w4')")
    assert read(copy()) == 1
    assert words(shop) == ["w1", "w2", "w3", "w4"]


def test_it_begins_at_the_initial_value(copy, shop):
    assert read(copy("cursor: id, initial: 2")) == 2
    assert words(shop) == ["w2", "w3"]


def test_late_rows_are_read_again_and_merged(copy, shop, source):
    copy("cursor: seen, lookback: 45m", UPSERT)
    source("insert into events values (5, timestamp '2026-01-01 02:30:00', 'late')")
    source("update events set word = 'changed' where id = 3")
    assert read(copy()) == 2
    assert words(shop) == ["w1", "w2", "changed", "late"]


def test_equal_cursors_are_not_missed_when_rows_are_merged(copy, shop, source):
    copy("cursor: seen", UPSERT)
    source("insert into events select 9, max(seen), 'twin' from events")
    copy()
    assert words(shop) == ["w1", "w2", "w3", "twin"]


def test_a_full_refresh_reads_everything_and_replaces_what_is_there(copy, shop, source):
    copy("cursor: id")
    source("delete from events where id = 1; update events set word = 'x' where id = 2")
    assert read(copy(None, "", "--full-refresh")) == 2
    assert words(shop) == ["x", "w3"]
    assert read(copy()) == 0


def test_a_run_that_fails_moves_no_position(copy, shop, source):
    copy("cursor: id")
    source("insert into events values (4, timestamp '2026-01-02 00:00:00', 'not a number')")
    path = shop / "pipelines" / "copy.yaml"
    good = path.read_text()
    path.write_text(good.replace("seen, word from", "seen, word::int as word from"))
    assert copy().code == 4
    path.write_text(good)
    assert read(copy()) == 1
    assert words(shop) == ["w1", "w2", "w3", "not a number"]


def test_a_target_that_has_gone_begins_anew(copy, shop):
    copy("cursor: id")
    with duckdb.connect(shop / "data" / "warehouse.duckdb") as session:
        session.execute("drop table events")
    assert read(copy()) == 3
    assert words(shop) == ["w1", "w2", "w3"]


def test_another_cursor_column_begins_anew(copy, shop):
    copy("cursor: id", UPSERT)
    assert read(copy("cursor: seen", UPSERT)) == 3
    assert len(words(shop)) == 3


def test_a_position_that_another_run_moved_meanwhile_is_not_written_over(copy, shop, monkeypatch):
    from osiris_dagster.drivers.tables.records import Records

    copy("cursor: id")
    real = Records.record_positions

    def late(records, call, target, **options):
        records.query("update _osiris.positions set value = '7'", ())
        real(records, call, target, **options)

    monkeypatch.setattr(Records, "record_positions", late)
    result = copy()
    assert result.code == 4
    assert next(step["error"]["code"] for step in result.data["steps"] if "error" in step) == "DRV050"
    assert words(shop) == ["w1", "w2", "w3"]


@pytest.mark.parametrize(
    ("incremental", "code"),
    [("cursor: nope", "RUN040"), ("cursor: id, initial: soon", "RUN040")],
)
def test_a_cursor_that_cannot_be_followed_is_named(copy, shop, incremental, code):
    result = copy(incremental)
    assert result.code == 4
    error = next(step["error"] for step in result.data["steps"] if "error" in step)
    assert error["code"] in (code, "DRV024", "DRV019"), error


def test_targets_at_different_places_get_no_row_twice(osiris, copy, shop, source):
    copy("cursor: id")
    path = shop / "pipelines" / "copy.yaml"
    config = "{connection: '@duckdb.warehouse', table: more}"
    second = f"  - {{id: more, component: duckdb.writer, mode: write, needs: [kept], config: {config}}}\n"
    path.write_text(path.read_text() + second)
    result = copy()
    assert result.code == 4
    assert next(step["error"]["code"] for step in result.data["steps"] if "error" in step) == "RUN041"
    assert copy(None, "", "--full-refresh").code == 0
    assert len(rows(shop, "more")) == len(words(shop)) == 3

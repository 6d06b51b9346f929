"""`osiris run` over partitions: one, a range in one run, each by itself; always exactly the rows that are meant."""

from __future__ import annotations

import duckdb
import pytest

from tests.command import rows

DAYS = """\
oml_version: "0.2.0"
name: days
partitions: {type: daily, start: "2025-01-01", end: "2025-03-01", column: day}
steps:
  - id: sales
    component: duckdb.extractor
    mode: read
    config:
      connection: "@duckdb"
      query: select day, amount from sales where day >= '${partition.start}' and day < ${partition.end}
  - id: sums
    component: duckdb.processor
    mode: transform
    checks: [{type: sql, name: of_the_day, query: "select * from this where day < ${partition.start}"}]
    config: {query: "select day, sum(amount)::bigint as total from df_sales group by day"}
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: sums, write_mode: replace}
"""
FILES = """\
oml_version: "0.2.0"
name: files
partitions: {type: static, keys: [cz, de, "a b"]}
steps:
  - id: sales
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb", table: sales, filter: "land = ${partition.key}"}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: "output/${partition.key}.csv"}}
"""
FILE = "pipelines/days.yaml"


@pytest.fixture
def sales(shop):
    """A project with sixty days of sales, one of 1 and one of 10 each day."""
    with duckdb.connect(shop / "data" / "ops.duckdb") as session:
        session.execute(
            "create table sales as select date '2025-01-01' + i::int as day, amount,"
            " case amount when 1 then 'cz' else 'de' end as land from range(60) t(i), (values (1), (10)) a(amount)"
        )
    (shop / FILE).write_text(DAYS)
    (shop / "pipelines" / "files.yaml").write_text(FILES)
    return shop


def change(root, sql):
    with duckdb.connect(root / "data" / "ops.duckdb") as session:
        session.execute(sql)


def sums(root):
    return {day.isoformat(): total for day, total in rows(root, "sums")}


def january(first, last, total=11):
    return {f"2025-01-{day:02}": total for day in range(first, last + 1)}


def run(osiris, *options):
    return osiris("run", FILE, "--no-aiop", "--json", *options)


def test_thirty_days_in_one_run_and_one_day_again(osiris, sales):
    result = run(osiris, "--partition-range", "2025-01-01...2025-01-30")
    assert (result.code, result.data["partition"]) == (0, "2025-01-01...2025-01-30")
    assert sums(sales) == january(1, 30)
    change(sales, "update sales set amount = amount * 2")
    assert run(osiris, "--partition", "2025-01-07").code == 0
    assert sums(sales) == january(1, 30) | {"2025-01-07": 22}


def test_thirty_days_as_single_runs(osiris, sales):
    result = run(osiris, "--partition-range", "2025-01-01...2025-01-30", "--each")
    assert (result.code, result.data["status"], len(result.data["runs"])) == (0, "completed", 30)
    assert len({each["run_id"] for each in result.data["runs"]}) == 30
    assert [each["partition"] for each in result.data["runs"]] == list(january(1, 30))
    assert sums(sales) == january(1, 30)


def test_a_day_that_fails_does_not_stop_the_others(osiris, sales):
    change(sales, "update sales set amount = null where day = '2025-01-02'")
    text = DAYS.replace("sum(amount)::bigint", "sum(case when amount is null then error('no amount') else amount end)")
    (sales / FILE).write_text(text)
    result = run(osiris, "--partition-range", "2025-01-01...2025-01-03", "--each")
    assert (result.code, result.data["status"]) == (4, "failed")
    assert [each["status"] for each in result.data["runs"]] == ["completed", "failed", "completed"]
    assert sorted(sums(sales)) == ["2025-01-01", "2025-01-03"]


def test_rows_of_another_day_are_refused_before_the_commit(osiris, sales):
    run(osiris, "--partition-range", "2025-01-01...2025-01-03")
    (sales / FILE).write_text(DAYS.replace("select day, sum(amount)", "select day + 1 as day, sum(amount)"))
    result = run(osiris, "--partition", "2025-01-02")
    error = next(step["error"] for step in result.data["steps"] if "error" in step)
    assert (result.code, error["code"]) == (4, "RUN083")
    assert "day = 2025-01-03" in error["message"]
    assert sums(sales) == january(1, 3)


def test_a_retry_keeps_its_partition_and_writes_nothing_twice(osiris, sales):
    text = DAYS.replace("write_mode: replace", "write_mode: append").replace(", column: day", "")
    query = "select error('no') as e from df_sales"
    more = (
        f"  - {{id: bad, component: duckdb.processor, mode: transform, needs: [sales], config: {{query: {query}}}}}\n"
    )
    (sales / FILE).write_text(text + more)
    assert run(osiris, "--partition", "2025-01-05").code == 4
    (sales / FILE).write_text(text + more.replace("error('no')", "1"))
    again = osiris("run", "--retry", "last", "--no-aiop", "--json")
    assert (again.code, again.data["partition"]) == (0, "2025-01-05")
    assert sums(sales) == {"2025-01-05": 11}
    assert len(rows(sales, "sums")) == 1
    refused = osiris("run", "--retry", "last", "--partition", "2025-01-06", "--json")
    assert (refused.code, refused.codes) == (2, ["CLI002"])


def test_a_file_for_each_key(osiris, sales):
    result = osiris("run", "pipelines/files.yaml", "--partition-range", "cz...a b", "--each", "--no-aiop")
    assert result.code == 0
    assert sorted(path.name for path in (sales / "output").iterdir()) == ["a b.csv", "cz.csv", "de.csv"]
    assert (sales / "output/cz.csv").read_text().splitlines()[:2] == ["day,amount,land", "2025-01-01,1,cz"]
    assert len((sales / "output/de.csv").read_text().splitlines()) == 61
    assert (sales / "output/a b.csv").read_text().splitlines() == ["day,amount,land"]


def test_the_package_says_which_partition_it_is_about(osiris, sales):
    assert osiris("run", FILE, "--partition", "2025-01-09").code == 0
    shown = osiris("logs", "aiop", "show", "--last", "--format", "json")
    assert shown.data["run"]["partition"] == "2025-01-09"
    assert "days 2025-01-09 " in osiris("runs", "list").out
    assert "of partition `2025-01-09`" in osiris("logs", "aiop", "show", "--last", "--format", "brief").out


def test_a_day_is_compared_with_days_and_not_with_ranges(osiris, sales):
    (sales / FILE).write_text(DAYS.replace("checks: [{", "checks: [{type: row_count, max_change: 0.5}, {"))
    assert run(osiris, "--partition", "2025-01-01").code == 0
    assert run(osiris, "--partition-range", "2025-01-02...2025-01-09").code == 0
    result = run(osiris, "--partition", "2025-01-10")
    (check,) = [
        check for step in result.data["steps"] for check in step.get("checks", ()) if check["type"] == "row_count"
    ]
    assert (result.code, check["passed"], check["message"]) == (0, True, "")


def test_steps_in_processes_of_their_own_work_on_the_same_partition(osiris, sales):
    (sales / FILE).write_text(DAYS.replace("name: days", "name: days\nexecution: {isolation: step}"))
    assert run(osiris, "--partition-range", "2025-01-05...2025-01-06").code == 0
    assert sums(sales) == january(5, 6)


def test_a_file_of_a_partition_is_read_again(osiris, sales):
    assert osiris("run", "pipelines/files.yaml", "--partition", "cz", "--no-aiop").code == 0
    text = """\
oml_version: "0.2.0"
name: again
partitions: {type: static, keys: [cz, de]}
steps:
  - {id: sales, component: filesystem.csv_extractor, mode: read, config: {path: "output/${partition.key}.csv"}}
  - id: out
    component: duckdb.writer
    mode: write
    config: {connection: "@duckdb.warehouse", table: "sales_${partition.key}", write_mode: replace}
"""
    (sales / "pipelines" / "again.yaml").write_text(text)
    assert osiris("run", "pipelines/again.yaml", "--partition", "cz", "--no-aiop").code == 0
    assert len(rows(sales, "sales_cz")) == 60
    missing = osiris("run", "pipelines/again.yaml", "--partition", "de", "--no-aiop")
    assert missing.code == 4
    assert "output/de.csv" in missing.out + missing.err


def test_a_schema_is_locked_for_all_partitions(osiris, sales):
    assert osiris("compile", "--online", FILE).code == 0
    assert run(osiris, "--partition", "2025-01-09").code == 0
    (sales / FILE).write_text(DAYS.replace("column: day", "column: dya"))
    result = osiris("compile", FILE, "--json")
    assert (result.code, result.codes) == (3, ["CMP090"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "no partition"),
        (["--each"], "no partition"),
        (["--partition", "2025-01-01", "--partition-range", "2025-01-01...2025-01-02"], "2025-01-01 and"),
        (["--partition", "2025-01-01...2025-01-02"], "2025-01-01...2025-01-02"),
        (["--partition", "2025-01-01", "--each"], "2025-01-01"),
        (["--partition", "2025-02-30"], "2025-02-30"),
        (["--partition", "2024-12-31"], "2024-12-31"),
        (["--partition", "2025-03-01"], "2025-03-01"),
        (["--partition", "yesterday"], "yesterday"),
        (["--partition-range", "2025-01-05"], "2025-01-05"),
        (["--partition-range", "2025-01-05...2025-01-02"], "2025-01-05...2025-01-02"),
        (["--partition-range", "2025-01-05...2025-04-01"], "2025-04-01"),
    ],
)
def test_partitions_that_are_not_there_or_not_clear(osiris, sales, options, told):
    result = run(osiris, *options)
    assert (result.code, result.codes) == (2, ["CLI002"])
    (found,) = result.data["diagnostics"]
    assert told in found["found"]
    assert found["fix"]
    assert found["expected"]


def test_a_pipeline_without_partitions_takes_none(osiris, sales):
    result = osiris("run", "pipelines/shop.yaml", "--partition", "2025-01-01", "--json")
    assert (result.code, result.codes) == (2, ["CLI002"])


def test_a_range_of_keys_wants_single_runs(osiris, sales):
    result = osiris("run", "pipelines/files.yaml", "--partition-range", "cz...de", "--json")
    assert (result.code, result.codes) == (2, ["CLI002"])
    assert result.data["diagnostics"][0]["fix"] == "add --each"
    near = osiris("run", "pipelines/files.yaml", "--partition", "dee", "--json")
    assert near.data["diagnostics"][0]["fix"] == "did you mean `de`?"

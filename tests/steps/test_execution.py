import threading
import weakref

import pyarrow as pa
import pytest

from osiris_dagster.columns import Column
from osiris_dagster.errors import RunError
from osiris_dagster.steps.report import StepProgress, StepRecord

CHAIN = """
a extractor
b processor < a
c writer < b
"""


def test_a_chain_streams_and_reports_in_order_after_the_commit(lab):
    lab.hook("c.committed", lambda driver: lab.count("c", "commits"))
    execution = lab.execution(lab.manifest(CHAIN, b={"config": {"plus": 10}}))
    starts_and_ends = []
    for event in execution.events():
        if not isinstance(event, StepProgress):
            starts_and_ends.append(f"{type(event).__name__} {event.step_id}")
        assert not isinstance(event, StepRecord) or lab.counts["c", "commits"] == 1
    assert starts_and_ends == [
        "StepStarted a",
        "StepStarted b",
        "StepStarted c",
        "StepRecord a",
        "StepRecord b",
        "StepRecord c",
    ]
    assert lab.written("c") == [11, 12, 13]
    assert execution.cancel() == ()
    assert execution.late_reports == ()


def test_a_report_says_what_happened(lab):
    report = lab.run(lab.manifest(CHAIN)).reports
    a, b, c = report["a"], report["b"], report["c"]
    assert (a.rows_in, a.rows_out, b.rows_in, b.rows_out, c.rows_in, c.rows_out) == (0, 3, 3, 3, 3, 3)
    assert a.bytes_out == b.bytes_out == c.bytes_out == 24
    assert a.columns == b.columns == c.columns == (Column("n", "int64"),)
    assert [artifact.path for artifact in c.artifacts] == ["out/c.parquet"]
    assert c.writes == (("file", "out", "c.parquet"),)
    assert c.rows_total == 3
    for one in report.values():
        assert one.attempts == 1
        assert one.peak_memory_bytes > 1_000_000
        assert one.start_ms <= one.end_ms
        assert 0 <= one.busy_ms <= one.end_ms - one.start_ms + 1
        assert one.notes == ()


def test_every_driver_is_closed_once_downstream_first_and_scratch_is_gone(lab):
    order = []
    for step in "abc":
        lab.hook(f"{step}.close", lambda driver: order.append(driver.call.step_id))
    lab.hook("b.transform", lambda driver: (driver.call.scratch / "spill").write_text("x"))
    lab.run(lab.manifest(CHAIN))
    assert order == ["c", "b", "a"]
    assert lab.calls["b"].scratch.parent.parent.parent == lab.project.state / "scratch"
    assert lab.scratch == []


def test_a_step_read_by_two_runs_once_and_both_get_its_rows(lab):
    manifest = lab.manifest("a extractor\nb writer < a\nc processor < a\nd writer < c", c={"config": {"sum": True}})
    outcome = lab.run(manifest)
    assert set(outcome.statuses.values()) == {"ok"}
    assert (lab.written("b"), lab.written("d")) == ([1, 2, 3], [6])
    assert lab.counts["a", "opened"] == 1


def test_the_rows_kept_for_readers_lie_in_the_private_folder_until_the_last_has_read_them(lab):
    def kept():
        return [path.suffix for folder in lab.scratch for path in folder.glob("*/*.rows.*")]

    found = {}
    lab.hook("b.commit", lambda _: found.update(b=kept()))
    lab.hook("c.commit", lambda _: found.update(c=kept()))
    lab.hook("d.open", lambda _: found.update(d=kept()))
    lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a after b\nd extractor after c"))
    assert found == {"b": [".parquet"], "c": [".parquet"], "d": []}


def test_both_inputs_of_a_processor_may_come_from_one_step(lab):
    lab.run(lab.manifest("a extractor\nb processor < a a\nc writer < b"))
    assert lab.written("c") == [1, 2, 3, 1, 2, 3]


def test_a_leaf_is_read_to_its_end_and_counted_without_a_file(lab):
    report = lab.run(lab.manifest("a extractor\nb processor < a")).reports["b"]
    assert (report.rows_in, report.rows_out) == (3, 3)
    assert not (lab.project.root / "out").exists()


@pytest.mark.parametrize("batches", [[], [[]], [[], [1], []]], ids=["no batches", "an empty batch", "empty batches"])
def test_few_rows_or_none_are_a_success_with_typed_columns(lab, batches):
    reports = lab.run(lab.manifest(CHAIN + "d writer < a", a={"config": {"batches": batches}})).reports
    assert [report.rows_out for report in reports.values()] == [sum(map(len, batches))] * 4
    assert reports["c"].columns == reports["d"].columns == (Column("n", "int64"),)


def test_order_is_kept_between_units_that_share_no_rows(lab):
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc extractor after b\nd writer < c after a"))
    order = outcome.order
    assert order.index("StepRecord b") < order.index("StepStarted c")


def test_independent_units_run_at_the_same_time(lab):
    meeting = threading.Barrier(2, timeout=30)
    for step in "bd":
        lab.hook(f"{step}.commit", lambda _: meeting.wait())
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc extractor\nd writer < c"))
    assert set(outcome.statuses.values()) == {"ok"}


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (2, 2), (0, 1)])
def test_no_more_units_run_at_once_than_allowed(lab, most, expected):
    lock, now, peak = threading.Lock(), set(), []
    full = threading.Barrier(expected, timeout=30)

    def batch(driver, _index):
        with lock:
            now.add(driver.call.step_id)
            peak.append(len(now))
        full.wait()

    def close(driver):
        with lock:
            now.discard(driver.call.step_id)

    steps = [f"s{index}" for index in range(6)]
    for step in steps:
        lab.hook(f"{step}.batch", batch)
        lab.hook(f"{step}.close", close)
    batches = {step: {"config": {"batches": [[1]]}} for step in steps}
    lab.run(lab.manifest("\n".join(f"{step} extractor" for step in steps), **batches), max_parallel=most)
    assert max(peak) == expected


def test_progress_is_told_while_rows_flow(lab):
    told = threading.Event()

    def wait(_driver, index):
        assert index == 0 or told.wait(30)

    lab.hook("a.batch", wait)
    progress = []
    for event in lab.execution(lab.manifest(CHAIN)).events():
        if isinstance(event, StepProgress):
            progress.append((event.step_id, event.rows))
            if {step for step, _ in progress} >= {"a", "b", "c"}:
                told.set()
    assert progress[:3] == [("a", 2), ("b", 2), ("c", 2)]


def test_time_in_the_source_is_not_the_time_of_a_processor_that_pulls_from_threads_of_its_own(lab):
    nap = threading.Event()
    lab.hook("a.batch", lambda _driver, _index: nap.wait(0.05))
    query = {"component": "sql.processor", "config": {"query": "select sum(n)::bigint as n from df_a"}}
    reports = lab.run(lab.manifest(CHAIN, a={"config": {"batches": [[1]] * 4}}, b=query)).reports
    assert reports["a"].busy_ms >= 200
    assert reports["b"].busy_ms <= reports["b"].end_ms - reports["b"].start_ms - 200 + 2
    assert lab.written("c") == [4]


class Blob(bytearray):
    """Bytes that tell when nobody holds them."""


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ("a extractor", 3),
        ("a extractor\nb writer < a", 3),
        ("a extractor\nb processor < a\nc processor < b\nd writer < c", 4),
        ("a extractor\nb writer < a\nc writer < a", 10),  # the rows of one row group
    ],
)
def test_only_a_few_batches_are_alive_however_many_pass(lab, steps, most):
    alive: set[int] = set()
    peak = 0

    def batches():
        nonlocal peak
        for index in range(60):
            blob = Blob(512 * 1024)
            alive.add(index)
            weakref.finalize(blob, alive.discard, index)
            column = pa.Array.from_buffers(pa.int64(), 65_536, [None, pa.py_buffer(blob)])
            yield pa.record_batch([column], ["n"])
            peak = max(peak, len(alive))

    outcome = lab.run(lab.manifest(steps, a={"config": {"batches": batches()}}))
    assert outcome.reports["a"].rows_out == 60 * 65_536
    assert peak <= most
    assert alive == set()


def test_three_hundred_steps_in_a_row_run(lab):
    lines = ["s0 extractor", *(f"s{i} processor < s{i - 1}" for i in range(1, 300)), "w writer < s299"]
    plus = {f"s{i}": {"config": {"plus": 1}} for i in range(1, 300)}
    outcome = lab.run(lab.manifest("\n".join(lines), **plus))
    assert len(outcome.reports) == 301
    assert lab.written("w") == [300, 301, 302]
    assert lab.scratch == []


def test_unselected_upstreams_are_executed_without_record_and_named(lab):
    outcome = lab.run(lab.manifest(CHAIN), "c")
    assert outcome.order == ["StepStarted c", "StepRecord c"]
    assert outcome.reports["c"].notes == ("executed 'a', 'b' again for their rows, without recording: not selected",)
    assert lab.written("c") == [1, 2, 3]
    assert lab.counts["a", "closed"] == lab.counts["b", "closed"] == 1


def test_an_unselected_upstream_read_by_two_runs_once_and_is_named_once(lab):
    reports = lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a"), "b c").reports
    assert lab.counts["a", "opened"] == 1
    assert [bool(reports[step].notes) for step in "bc"] == [True, False]


def test_an_unselected_writer_is_never_executed(lab):
    outcome = lab.run(lab.manifest(CHAIN + "d extractor after c"), "d")
    assert list(outcome.reports) == ["d"]
    assert lab.written("c") is None
    assert lab.counts["a", "opened"] == 0


def test_nothing_selected_is_a_run_without_events(lab):
    assert lab.run(lab.manifest(CHAIN), "").events == []


def test_a_reader_that_stops_early_is_said_on_the_step_it_reads(lab):
    query = {"component": "sql.processor", "config": {"query": "select n from df_a limit 1"}}
    batches = [[index] * 3000 for index in range(400)]
    reports = lab.run(lab.manifest("a extractor\nb processor < a", a={"config": {"batches": batches}}, b=query)).reports
    assert reports["b"].rows_out == 1
    assert reports["a"].rows_out < 400 * 3000
    rows = reports["a"].rows_out
    assert reports["a"].notes == (f"its reader stopped after {rows} rows; the rest was not read",)


def test_what_a_writer_notes_is_reported_without_secrets(lab):
    c = {"config": {"notes": ["loaded with secret of @mem.shop"], "claims": 2}, "connection": "@mem.shop"}
    assert lab.run(lab.manifest(CHAIN, c=c)).reports["c"].notes == ("loaded with [REDACTED]",)


def test_a_file_name_is_reported_without_secrets(lab):
    c = {"config": {"path": "out/secret of @mem.shop.parquet"}, "connection": "@mem.shop"}
    report = lab.run(lab.manifest(CHAIN, c=c)).reports["c"]
    assert [artifact.path for artifact in report.artifacts] == ["out/[REDACTED].parquet"]


@pytest.mark.parametrize("error", [OSError("handle lost"), SystemExit("handle lost")], ids=repr)
def test_a_driver_that_cannot_be_closed_leaves_a_note(lab, error):
    lab.fail("a.close", error)
    outcome = lab.run(lab.manifest(CHAIN))
    assert outcome.reports["a"].notes == ("closing failed: handle lost",)
    assert lab.counts["a", "closed"] == 1


def test_an_execution_runs_once(lab):
    execution = lab.execution(lab.manifest("a extractor"))
    list(execution.events())
    with pytest.raises(RunError, match="runs once"):
        next(execution.events())


def test_a_scratch_folder_that_cannot_be_made_is_a_fault_of_the_run(lab):
    lab.project.state.write_text("in the way")
    execution = lab.execution(lab.manifest("a extractor"))
    with pytest.raises(RunError, match="no scratch folder can be made in"):
        list(execution.events())
    assert [failure.status for failure in execution.cancel()] == ["skipped"]

import json
import threading

import pyarrow as pa
import pytest

from osiris_dagster.codec import to_json
from osiris_dagster.columns import Column
from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.errors import ConfigError, DriverError

PIPELINE = """
a extractor
b processor < a
c writer < b
d extractor after c
e extractor
f writer < e
"""


class SourceError(Exception):
    """A fault of the test."""


@pytest.mark.parametrize(
    ("place", "index", "statuses"),
    [
        ("a.open", None, "a failed, b skipped, c skipped"),
        ("a.read", None, "a failed, b skipped, c skipped"),
        ("a.batch", 0, "a failed, b aborted, c aborted"),
        ("a.batch", 1, "a failed, b aborted, c aborted"),
        ("a.end", None, "a failed, b aborted, c aborted"),
        ("b.open", None, "a aborted, b failed, c skipped"),
        ("b.transform", None, "a aborted, b failed, c skipped"),
        ("b.batch", 1, "a aborted, b failed, c aborted"),
        ("c.open", None, "a aborted, b aborted, c failed"),
        ("c.write", None, "a aborted, b aborted, c failed"),
        ("c.batch", 1, "a aborted, b aborted, c failed"),
        ("c.commit", None, "a aborted, b aborted, c failed"),
    ],
)
def test_the_step_where_the_fault_arose_fails_and_says_why(lab, place, index, statuses):
    lab.fail(place, SourceError("broke here"), index)
    outcome = lab.run(lab.manifest(PIPELINE))
    expected = dict(pair.split() for pair in statuses.split(", "))
    assert outcome.statuses == {**expected, "d": "skipped", "e": "ok", "f": "ok"}
    failed = outcome.failures[place[0]]
    assert (failed.error.type, failed.error.message) == ("SourceError", "broke here")
    assert [step for step, failure in outcome.failures.items() if failure.error] == [place[0]]
    for failure in outcome.failures.values():
        assert (failure.start_ms is None) == (failure.status == "skipped")
    for step in "abcdef":
        made = lab.counts[step, "opened"]
        assert lab.counts[step, "closed"] == made
    assert lab.written("c") is None
    assert lab.written("f") == [1, 2, 3]
    assert lab.scratch == []


def test_what_was_in_the_target_before_is_there_after_a_failure(lab):
    lab.run(lab.manifest(PIPELINE))
    lab.fail("c.commit", SourceError("no"))
    lab.run(lab.manifest(PIPELINE, a={"config": {"batches": [[9]]}}))
    assert lab.written("c") == [1, 2, 3]


def test_a_failure_counts_the_rows_that_had_passed(lab):
    lab.fail("c.batch", SourceError("no"), 1)
    failures = lab.run(lab.manifest(PIPELINE)).failures
    assert [(failures[step].rows_in, failures[step].rows_out) for step in "abc"] == [(0, 3), (3, 3), (3, 0)]


def test_all_that_is_behind_a_kept_step_is_skipped_once(lab):
    lab.fail("a.end", SourceError("late"))
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc processor < a\nd writer < c after b\ne extractor"))
    assert outcome.statuses == {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped", "e": "ok"}


def test_one_reader_of_a_kept_step_fails_without_the_other(lab):
    lab.fail("b.write", SourceError("no"))
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a"))
    assert outcome.statuses == {"a": "ok", "b": "failed", "c": "ok"}


def sql(query: str) -> dict:
    return {"component": "sql.processor", "config": {"query": query}}


@pytest.mark.parametrize(
    "query", ["select n + 1 as n from df_a", "select sum(n)::bigint as n from df_a"], ids=["streaming", "at opening"]
)
def test_a_fault_behind_a_library_that_hides_it_is_found(lab, query):
    lab.redactor.register("hunter2222")
    lab.fail("a.batch", SourceError("no row with hunter2222"), 3)
    batches = {"config": {"batches": [[index] * 5000 for index in range(50)]}}
    outcome = lab.run(lab.manifest(PIPELINE, a=batches, b=sql(query)))
    assert outcome.statuses["a"] == "failed"
    assert {outcome.statuses[step] for step in "bc"} <= {"aborted", "skipped"}
    error = outcome.failures["a"].error
    assert (error.type, error.message) == ("SourceError", "no row with [REDACTED]")
    assert "raise_it" in [frame.function for frame in error.frames]


def test_a_fault_behind_two_libraries_is_found(lab):
    lab.fail("a.batch", SourceError("deep"), 2)
    steps = "a extractor\nb processor < a\nc processor < b\nd writer < c"
    batches = {"config": {"batches": [[index] * 5000 for index in range(50)]}}
    manifest = lab.manifest(steps, a=batches, b=sql("select n from df_a"), c=sql("select n from df_b"))
    outcome = lab.run(manifest)
    assert outcome.statuses["a"] == "failed"
    assert outcome.failures["a"].error.message == "deep"
    assert lab.written("d") is None


class Early:
    """A writer that reads until its hook says StopIteration."""

    def __init__(self, lab, call):
        self.lab, self.call = lab, call

    def write(self, rows):
        for index, _ in enumerate(rows):
            try:
                self.lab.at(self, "batch", index)
            except StopIteration:
                break
        return WriteReport(0, notes=("enough",))

    def cancel(self):
        pass

    def close(self):
        pass


@pytest.mark.parametrize("ends", ["with a fault", "early"])
def test_a_source_is_not_closed_while_a_library_still_reads_it_in_the_background(lab, ends):
    """DuckDB's threads go on pulling after the writer has stopped, and even after its connection is closed."""
    inside, writing = threading.Event(), threading.Event()

    def batch(driver, _index):
        if writing.is_set() and not threading.current_thread().name.startswith("osiris-"):
            inside.set()
            assert driver.stopped.wait(30)
            inside.clear()

    def stop(_driver, _index):
        writing.set()
        if inside.wait(0.2):
            raise SourceError("enough") if ends == "with a fault" else StopIteration
        writing.clear()

    lab.hook("a.batch", batch)
    lab.hook("c.batch", stop)
    lab.hook("a.close", lambda _driver: lab.count("a", "closed inside" if inside.is_set() else "closed outside"))
    batches = {"config": {"batches": ([[index] * 50_000 for index in range(8)] * 20)}}
    factories = {**lab.runtime().factories, "early": lambda call: Early(lab, call)}
    c = {"component": "early.writer"}
    outcome = lab.run(lab.manifest(PIPELINE, a=batches, b=sql("select n + 1 as n from df_a"), c=c), factories=factories)
    assert outcome.statuses["c"] == ("failed" if ends == "with a fault" else "ok")
    assert (lab.counts["a", "closed outside"], lab.counts["a", "closed inside"]) == (1, 0)


def test_a_fault_of_the_library_itself_is_its_own_step(lab):
    batches = {"config": {"batches": [[1], [0]]}}
    b = sql("select case when n = 0 then error('dirty') else n end::bigint as n from df_a")
    outcome = lab.run(lab.manifest(PIPELINE, a=batches, b=b))
    assert outcome.statuses["b"] == "failed"
    assert "dirty" in outcome.failures["b"].error.message


class Swallowing:
    """A writer that takes any fault of its input for the end of the rows."""

    def __init__(self, call):
        self.call = call

    def write(self, rows):
        written = 0
        try:
            for batch in rows:
                written += batch.num_rows
        except Exception:  # noqa: BLE001 - the very mistake that is tested
            pass
        return WriteReport(written, notes=("all good",))

    def cancel(self):
        pass

    def close(self):
        pass


def test_a_writer_that_swallows_the_fault_of_its_input_does_not_succeed(lab):
    lab.fail("a.batch", SourceError("cut short"), 1)
    factories = {**lab.runtime().factories, "bad": Swallowing}
    outcome = lab.run(lab.manifest(PIPELINE, c={"component": "bad.writer"}), factories=factories)
    assert (outcome.statuses["a"], outcome.statuses["c"]) == ("failed", "aborted")


def test_a_writer_that_reports_other_rows_than_it_got_fails_and_names_both(lab):
    outcome = lab.run(lab.manifest(PIPELINE, c={"config": {"claims": 0}}))
    error = outcome.failures["c"].error
    assert error.code == "RUN014"
    assert error.message == "mem.writer reported success for step 'c' with 0 rows written and 3 received"
    assert outcome.statuses["b"] == "aborted"


class Idle(Swallowing):
    """A writer that does not look at its rows."""

    notes: tuple[str, ...] = ()

    def write(self, rows):
        return WriteReport(0, notes=self.notes)


class Repeated(Idle):
    notes = ("committed before by run-0",)


def test_a_writer_that_reads_nothing_succeeds_only_if_it_says_why(lab):
    factories = {**lab.runtime().factories, "idle": Idle, "repeated": Repeated}
    outcome = lab.run(lab.manifest(PIPELINE, c={"component": "idle.writer"}), factories=factories)
    assert "without reading its input to the end" in outcome.failures["c"].error.message
    outcome = lab.run(lab.manifest(PIPELINE, c={"component": "repeated.writer"}), factories=factories)
    assert outcome.reports["c"].notes == ("committed before by run-0",)
    assert outcome.reports["a"].notes == ("its reader stopped after 0 rows; the rest was not read",)


def test_columns_other_than_compiled_fail_before_any_row_flows(lab):
    outcome = lab.run(lab.manifest(PIPELINE, b={"columns": (Column("n", "int64"), Column("m", "date"))}))
    error = outcome.failures["b"].error
    assert "column 'm' is missing" in error.message
    assert "osiris compile --online" in error.fix
    assert outcome.failures["a"].rows_out == 0
    assert outcome.statuses["c"] == "skipped"


def test_a_batch_of_other_columns_than_its_stream_is_the_fault_of_the_step_that_made_it(lab):
    odd = pa.record_batch([pa.array(["x"])], names=["n"])
    outcome = lab.run(lab.manifest(PIPELINE, a={"config": {"batches": [[1], odd]}}))
    assert outcome.failures["a"].error.code == "RUN012"


def test_a_connection_that_cannot_be_resolved_fails_its_step(lab):
    def resolve(reference):
        raise ConfigError(f"no connection {reference}", fix="set OSIRIS_CONN__MEM__SHOP__PASSWORD")

    outcome = lab.run(lab.manifest(PIPELINE, b={"connection": "@mem.shop"}), resolve=resolve)
    assert outcome.failures["b"].error.fix == "set OSIRIS_CONN__MEM__SHOP__PASSWORD"
    assert outcome.statuses["a"] == "aborted"


def test_a_component_without_a_driver_fails_its_step(lab):
    outcome = lab.run(lab.manifest(PIPELINE, e={"component": "oracle.extractor"}))
    assert outcome.failures["e"].error.code == "RUN011"
    assert outcome.statuses["f"] == "skipped"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError("full")], ids=repr)
def test_an_exception_that_is_no_error_of_a_driver_does_not_leave_its_step(lab, error):
    lab.fail("b.batch", error, 0)
    outcome = lab.run(lab.manifest(PIPELINE))
    assert outcome.statuses["b"] == "failed"
    assert outcome.failures["b"].error.type == type(error).__name__


def test_no_event_holds_a_secret_or_a_path_of_the_host(lab):
    lab.hook("b.transform", lambda driver: driver.lab.fail("a.batch", _login_error(driver), 1))
    outcome = lab.run(lab.manifest(PIPELINE, b={"connection": "@mem.shop"}))
    text = json.dumps([to_json(outcome.failures["a"].error), repr(outcome.events)])
    assert "[REDACTED]" in text
    assert "secret of @mem.shop" not in text
    assert str(lab.project.root) not in text


def _login_error(driver) -> Exception:
    password = driver.call.connection["password"]
    error = DriverError(
        f"login with {password} failed, see {driver.call.project.root}/log",
        fix=f"not {password}",
        retryable="transient",
    )
    error.__cause__ = OSError(f"server said: {password}")
    return error


def test_whether_a_retry_helps_is_kept(lab):
    lab.fail("a.read", DriverError("busy", retryable="transient"))
    assert lab.run(lab.manifest(PIPELINE)).failures["a"].error.retryable == "transient"


def test_a_fault_while_closing_after_a_fault_changes_nothing(lab):
    lab.fail("b.batch", SourceError("first"), 0)
    lab.fail("b.close", SourceError("second"))
    outcome = lab.run(lab.manifest(PIPELINE))
    assert outcome.failures["b"].error.message == "first"
    assert lab.counts["a", "closed"] == lab.counts["b", "closed"] == lab.counts["c", "closed"] == 1


def test_rows_that_cannot_be_kept_are_the_fault_of_their_step(lab):
    def in_the_way(driver):
        (driver.call.scratch.parent / "a.rows.parquet").write_text("x")

    lab.hook("a.read", in_the_way)
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a"))
    assert outcome.failures["a"].error.code == "RUN020"
    assert outcome.failures["a"].error.message.startswith("rows could not be kept in .osiris/scratch/run-1-")


def test_kept_rows_that_cannot_be_read_are_the_fault_of_the_reader(lab):
    lab.hook("b.write", lambda driver: (driver.call.scratch.parent / "a.rows.parquet").unlink())
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a after b"))
    assert outcome.statuses == {"a": "ok", "b": "failed", "c": "skipped"}


@pytest.mark.parametrize("place", ["a.read", "a.batch"])
def test_a_step_fails_in_place_of_the_unselected_one_it_reads(lab, place):
    lab.fail(place, DriverError("gone", fix="plug it in", retryable="transient"), 1 if place == "a.batch" else None)
    outcome = lab.run(lab.manifest("a extractor\nb processor < a\nc writer < b"), "b c")
    error = outcome.failures["b"].error
    assert error.message == "step 'a', executed unselected for the rows that 'b' reads, failed"
    assert (error.code, error.fix, error.retryable, error.cause.message) == (
        "RUN018",
        "plug it in",
        "transient",
        "gone",
    )
    assert outcome.statuses == {"b": "failed", "c": "aborted" if place == "a.batch" else "skipped"}


def test_a_step_of_another_unit_fails_in_place_of_an_unselected_one(lab):
    lab.fail("a.batch", SourceError("gone"), 1)
    outcome = lab.run(lab.manifest("a extractor\nb writer < a\nc writer < a"), "b c")
    assert outcome.statuses == {"b": "failed", "c": "skipped"}
    assert outcome.failures["b"].start_ms is None
    assert outcome.failures["b"].error.cause.message == "gone"

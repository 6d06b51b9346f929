import threading

import pyarrow as pa
import pytest

from osiris_dagster.errors import RunError
from osiris_dagster.redaction import Redactor
from osiris_dagster.steps.meter import Meter, Watch
from osiris_dagster.steps.stream import Guard, Stream

SCHEMA = pa.schema([("a", pa.int64())])


def batch(*values, schema=SCHEMA) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, schema.field(0).type)], schema=schema)


class Line:
    """A stream between two meters, with its guard and the flag that cancels it."""

    def __init__(self, batches, root) -> None:
        self.canceled = threading.Event()
        self.redactor = Redactor()
        self.guard = Guard(self.canceled, self.redactor, root)
        self.meters = Meter("from"), Meter("to")
        watch = Watch(lambda _step, _rows: None)
        self.stream = Stream(iter(batches).__next__, SCHEMA, self.meters, self.guard, watch)


@pytest.fixture
def line(tmp_path):
    return lambda batches: Line(batches, tmp_path)


def test_rows_and_bytes_are_counted_on_both_sides(line):
    one = line([batch(1, 2), batch(), batch(3)])
    assert pa.Table.from_batches(one.stream.reader()).column(0).to_pylist() == [1, 2, 3]
    made, got = one.meters
    assert (made.rows_out, made.bytes_out) == (got.rows_in, got.bytes_in) == (3, 24)
    assert one.stream.ended
    assert one.guard.fault is None


def test_a_stream_that_was_not_read_to_its_end_knows_it(line):
    one = line([batch(1)])
    next(one.stream)
    assert not one.stream.ended


def broken():
    yield batch(1)
    raise LookupError("the source broke")


def test_a_fault_is_noted_with_the_step_it_leaves_and_passes_on(line):
    one = line(broken())
    with pytest.raises(LookupError, match="the source broke"):
        list(one.stream)
    assert (one.guard.fault.step_id, one.guard.fault.error.type) == ("from", "LookupError")
    assert one.meters[0].rows_out == 1
    assert not one.stream.ended


def test_the_first_fault_counts_and_no_batch_passes_after_it(line):
    one = line([batch(1)])
    one.guard.note("elsewhere", LookupError("first"))
    one.guard.note("from", LookupError("second"))
    with pytest.raises(RunError, match="step 'elsewhere' of the same stream failed"):
        next(one.stream)
    assert one.guard.fault.error.message == "first"


def test_a_fault_elsewhere_is_no_end_of_rows(line):
    def last():
        one.guard.note("elsewhere", LookupError("lost"))
        return
        yield

    one = line(last())
    with pytest.raises(RunError, match="step 'elsewhere' of the same stream failed"):
        next(one.stream)
    assert not one.stream.ended


def test_what_goes_wrong_after_a_unit_has_ended_is_no_fault_of_it(line):
    one = line([])
    assert one.guard.seal() is None
    one.guard.note("from", LookupError("a thread in the background"))
    assert one.guard.fault is None


def test_a_canceled_run_lets_no_batch_pass_and_has_no_end_of_rows(line):
    one = line([batch(1)])
    one.canceled.set()
    with pytest.raises(RunError, match="the run was canceled"):
        next(one.stream)

    def last():
        other.canceled.set()
        return
        yield

    other = line(last())
    with pytest.raises(RunError, match="the run was canceled"):
        next(other.stream)


def test_a_fault_after_the_cancellation_is_the_cancellation(line):
    one = line([])
    one.canceled.set()
    one.guard.note("from", LookupError("interrupted"))
    assert one.guard.fault.error is None


def test_an_error_is_redacted_where_it_is_noted(line):
    one = line([])
    one.redactor.register("hunter2222")
    one.guard.note("from", LookupError("no login with hunter2222"))
    assert one.guard.fault.error.message == "no login with [REDACTED]"


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def test_an_error_without_readable_text_is_recorded_all_the_same(line):
    one = line([])
    one.guard.note("from", UnspeakableError())
    assert one.guard.fault.error.type == "UnspeakableError"


@pytest.mark.parametrize(
    "other",
    [
        pa.schema([("a", pa.string())]),
        pa.schema([("b", pa.int64())]),
        pa.schema([("a", pa.int64()), ("b", pa.int64())]),
    ],
)
def test_a_batch_of_other_columns_than_the_stream_began_with_is_refused(line, other):
    one = line([pa.record_batch([pa.nulls(1, field.type) for field in other], schema=other)])
    with pytest.raises(RunError, match="a batch of step 'from' does not have the columns") as caught:
        next(one.stream)
    assert caught.value.first.found == ", ".join(map(str, other))
    assert one.guard.fault.step_id == "from"


def test_a_batch_may_differ_in_what_may_be_null(line):
    not_null = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    assert next(line([batch(1, schema=not_null)]).stream).num_rows == 1


def test_a_stream_is_idle_when_no_thread_is_inside(line):
    inside, leave = threading.Event(), threading.Event()

    def slow():
        inside.set()
        leave.wait(30)
        yield batch(1)

    one = line(slow())
    assert one.stream.idle(0)
    other = threading.Thread(target=lambda: next(one.stream))
    other.start()
    assert inside.wait(30)
    one.stream.stop()
    assert not one.stream.idle(0)
    leave.set()
    assert one.stream.idle(30)
    other.join()
    assert one.meters[0].rows_out == 1


def test_a_stopped_stream_gives_nothing(line):
    one = line([batch(1)])
    one.stream.stop()
    with pytest.raises(RunError, match="read after its end"):
        next(one.stream)

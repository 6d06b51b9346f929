import threading
import time

import pytest

from osiris_dagster.steps.meter import Clock, Meter, Watch


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands(monkeypatch):
    hands = Hands()
    monkeypatch.setattr("osiris_dagster.steps.meter.time.perf_counter", hands)
    return hands


def play(meter: Meter, hands: Hands, script: str) -> int:
    moves = {"(": meter.call_begins, ")": meter.call_ends, "<": meter.pull_begins, ">": meter.pull_ends}
    for sign in script:
        if sign == ".":
            hands.seconds += 0.001
        else:
            moves[sign]()
    return meter.busy_ms


@pytest.mark.parametrize(
    ("script", "busy"),
    [
        ("(...)", 3),
        ("..(.)..(.)..", 2),
        ("(.<...>.)", 2),  # waits for an input
        ("(.<..<..>..>.)", 2),  # waits for two inputs in two threads
        ("<...>(.)", 1),  # an input pulled in the background, between two calls
        ("<..(...>..)", 2),  # a call that begins while an input is pulled elsewhere
        ("(..<..)...>.", 2),  # a call that ends while an input is still pulled elsewhere
        ("<...>", 0),
    ],
)
def test_own_time_is_time_in_a_call_without_the_waiting_for_inputs(hands, script, busy):
    assert play(Meter("a"), hands, script) == busy


def test_own_time_is_counted_when_the_call_fails(hands):
    meter = Meter("a")

    def call() -> None:
        hands.seconds += 2
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"), meter.own():
        call()
    hands.seconds += 5
    assert play(meter, hands, "(.)") == 2001


def test_counts_from_many_threads_lose_nothing():
    meter = Meter("a")

    def pull() -> None:
        for _ in range(2000):
            meter.pull_begins()
            meter.pull_ends(2, 16)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (meter.rows_in, meter.bytes_in) == (16_000, 128_000)


def test_the_clock_counts_unix_milliseconds_and_does_not_follow_a_wall_clock_that_is_set_back(monkeypatch):
    clock = Clock()
    before = clock.now_ms()
    assert abs(before - time.time() * 1000) < 60_000
    monkeypatch.setattr("osiris_dagster.steps.meter.time.time", lambda: 0.0)
    assert clock.now_ms() >= before


def test_the_peak_is_the_memory_of_the_process_while_the_step_was_open():
    watch = Watch(lambda _step, _rows: None)
    early, late = Meter("early"), Meter("late")
    watch.opened(early)
    held = bytearray(64 * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])  # touch every page, so that it is resident
    watch.closed(early)
    del held
    watch.opened(late)
    watch.closed(late)
    assert early.peak_bytes - late.peak_bytes > 32 * 1024 * 1024
    assert late.peak_bytes > 0


def test_a_closed_step_keeps_its_peak():
    watch = Watch(lambda _step, _rows: None)
    meter = Meter("a")
    watch.opened(meter)
    watch.closed(meter)
    meter.peak_bytes = 1
    watch.sample()
    assert meter.peak_bytes == 1


def test_the_watch_tells_progress_only_of_steps_that_moved():
    told: list[tuple[str, int]] = []
    arrived = threading.Semaphore(0)

    def progress(step: str, rows: int) -> None:
        told.append((step, rows))
        arrived.release()

    watch = Watch(progress)
    meters = {name: Meter(name) for name in ("reads", "writes", "rests")}
    for meter in meters.values():
        watch.opened(meter)
    meters["reads"].call_ends(5)
    meters["writes"].pull_ends(3)
    watch.start()
    assert arrived.acquire(timeout=30)
    assert arrived.acquire(timeout=30)
    meters["reads"].call_ends(4)
    assert arrived.acquire(timeout=30)
    watch.stop()
    assert told == [("reads", 5), ("writes", 3), ("reads", 9)]


def test_a_watch_that_never_started_can_be_stopped():
    Watch(lambda _step, _rows: None).stop()

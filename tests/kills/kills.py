"""Kill `osiris run` at a random moment of a write and retry it: the table must be right every time.

`make kill-test` does it 25 times for every way to write and every database; the tests do it once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from tests.command import COMMAND, environment, process

OLD, NEW, SHARED = 20_000, 60_000, 10_000
"""Rows that are there before; rows that come; how many of them have a key that is there."""
MODES = ("append", "replace", "upsert")
_LONGEST = 60.0  # seconds that a run may take
_PIPELINE = """\
oml_version: "0.2.0"
name: killed
steps:
  - {{id: rows, component: filesystem.parquet_extractor, mode: read, config: {{path: rows.parquet}}}}
  - id: load
    component: {family}.writer
    mode: write
    config: {{connection: "@{family}.db", table: killed, write_mode: {mode}, primary_key: id}}
"""


class Target(Protocol):
    """A database of a test server, or a file."""

    @property
    def connection(self) -> Mapping[str, Any]: ...

    def execute(self, *statements: str) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class Round:
    """What one killed run and its retries came to."""

    killed: bool  # False: it was faster than the signal
    retries: int
    found: tuple[int, int, int]  # rows, sum of ids, sum of values
    expected: tuple[int, int, int]


def make(folder: Path, family: str, mode: str, target: Target) -> None:
    """Make a project and the table as it is before the run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "osiris.yaml").touch()
    connections = {"connections": {family: {"db": dict(target.connection)}}}
    (folder / "osiris_connections.yaml").write_text(json.dumps(connections))
    (folder / "killed.yaml").write_text(_PIPELINE.format(family=family, mode=mode))
    first = OLD - SHARED
    ids = range(first, first + NEW)
    pq.write_table(pa.table({"id": ids, "value": [number * 3 for number in ids]}), folder / "rows.parquet")
    reset(target, unique=mode != "append")
    if family == "postgres":
        target.execute(f"alter table killed owner to {target.connection['user']}")


def reset(target: Target, *, unique: bool) -> None:
    """Fill the table with the rows that are there before."""
    target.execute("drop table if exists killed")
    key = ", primary key (id)" if unique else ""
    target.execute(f"create table killed (id bigint not null, value bigint{key})")
    for start in range(0, OLD, 5_000):
        values = ",".join(f"({number},{number})" for number in range(start, start + 5_000))
        target.execute(f"insert into killed values {values}")


def expected(mode: str) -> tuple[int, int, int]:
    """Return rows, sum of ids and sum of values after one load."""
    first = OLD - SHARED
    new = {number: number * 3 for number in range(first, first + NEW)}
    old = {number: number for number in range(OLD)}
    rows = {"append": [*old.items(), *new.items()], "replace": [*new.items()], "upsert": [*(old | new).items()]}[mode]
    return len(rows), sum(key for key, _ in rows), sum(value for _, value in rows)


def killed_round(folder: Path, mode: str, target: Target, busy: Callable[[], bool], delay: float) -> Round:
    """Run, kill `delay` seconds after it gets busy, retry until it ends well; return what the table holds then."""
    killed = _kill(folder, busy, delay)
    retries = 0
    if killed:
        retries = 1
        result = process("run", "--retry", "last", "--no-aiop", "--json", cwd=folder)
        if result.code == 2 and "nothing to retry" in result.out:
            retries = 0  # it ended well before it was killed
        elif result.code:
            raise AssertionError(result.out + result.err)
    found = target.execute("select count(*), sum(id), sum(value) from killed")[0]
    return Round(killed, retries, tuple(int(number) for number in found), expected(mode))


def _kill(folder: Path, busy: Callable[[], bool], delay: float) -> bool:
    command = [COMMAND, "run", "killed.yaml", "--no-aiop", "--json"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        deadline = time.monotonic() + _LONGEST
        while run.poll() is None and not busy() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        return run.wait() == -signal.SIGKILL

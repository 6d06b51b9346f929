"""Times whole processes in turn (A B B A ...), so that a ratio holds while the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Checkout:
    """Whose code a case runs."""

    python: str

    @property
    def osiris(self) -> str:
        return str(Path(self.python).with_name("osiris"))


HERE = Checkout(sys.executable)


@dataclass(frozen=True)
class Case:
    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    before: Sequence[str] = ()  # run before each round, not timed
    cwd: str | None = None
    seconds: Callable[[bytes], float] | None = None  # the wall that the process itself reports, found in its output
    judged: Literal["wall", "cpu"] = "wall"  # what a comparison of checkouts looks at


@dataclass(frozen=True)
class Figures:
    """What one process took, or the medians of several."""

    wall: float  # seconds
    cpu: float  # seconds
    peak_mib: float  # of the largest process


def race(cases: Sequence[Case], rounds: int = 5, *, cwd: str | None = None, warm_up: bool = True) -> dict[str, Figures]:
    """Return the medians of `laps`."""
    return {
        name: Figures(*(statistics.median(values) for values in zip(*map(astuple, figures), strict=True)))
        for name, figures in laps(cases, rounds, cwd=cwd, warm_up=warm_up).items()
    }


def laps(
    cases: Sequence[Case], rounds: int = 5, *, cwd: str | None = None, warm_up: bool = True
) -> dict[str, list[Figures]]:
    """Run every case once to warm up, then `rounds` times in turn; a case that fails ends the bench."""
    seen: dict[str, list[Figures]] = {case.name: [] for case in cases}
    for number in range(0 if warm_up else 1, rounds + 1):
        for case in cases if number % 2 == 0 else reversed(cases):
            if case.before:
                subprocess.run(case.before, check=True, cwd=case.cwd or cwd, capture_output=True)
            measured = _once(case, case.cwd or cwd)
            if number:
                seen[case.name].append(measured)
    return seen


def _once(case: Case, cwd: str | None) -> Figures:
    start = time.perf_counter()
    with subprocess.Popen(
        case.command, cwd=cwd, env={**os.environ, **(case.env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if case.seconds and process.returncode == 0:
        wall = case.seconds(output)
    if process.returncode:
        raise SystemExit(f"{case.name} ended with {process.returncode}:\n{output.decode(errors='replace')}")
    scale = 1024 if os.uname().sysname == "Linux" else 1024 * 1024
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


@dataclass(frozen=True)
class Bar:
    what: str
    measured: float
    limit: float
    detail: str = ""

    def line(self) -> str:
        verdict = "met" if self.measured <= self.limit else "MISSED"
        return f"| {self.what} | {self.measured:.2f} | <= {self.limit:.2f} | {verdict} | {self.detail} |"


def show(bars: Sequence[Bar]) -> None:
    print("| bar | measured | limit | | detail |\n|---|---|---|---|---|")
    for bar in bars:
        print(bar.line())

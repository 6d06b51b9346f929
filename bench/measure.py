"""Times whole processes in turn (A B A B ...), so that a ratio holds while the machine's speed drifts."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    before: Sequence[str] = ()  # run before each round, not timed
    cwd: str | None = None
    seconds: Callable[[bytes], float] | None = None  # the wall that the process itself reports, found in its output


@dataclass(frozen=True)
class Figures:
    wall: float  # seconds, median
    cpu: float  # seconds, median
    peak_mib: float  # median of the largest process


def race(cases: Sequence[Case], rounds: int = 5, *, cwd: str | None = None, warm_up: bool = True) -> dict[str, Figures]:
    """Run every case once to warm up, then `rounds` times in turn; a case that fails ends the bench."""
    seen: dict[str, list[tuple[float, float, float]]] = {case.name: [] for case in cases}
    for number in range(0 if warm_up else 1, rounds + 1):
        for case in cases if number % 2 == 0 else reversed(cases):
            if case.before:
                subprocess.run(case.before, check=True, cwd=case.cwd or cwd, capture_output=True)
            measured = _once(case, case.cwd or cwd)
            if number:
                seen[case.name].append(measured)
    return {
        name: Figures(*(statistics.median(column) for column in zip(*rows, strict=True))) for name, rows in seen.items()
    }


def _once(case: Case, cwd: str | None) -> tuple[float, float, float]:
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
    return wall, usage.ru_utime + usage.ru_stime, _peak(usage) / scale


def _peak(usage: resource.struct_rusage) -> float:
    return float(usage.ru_maxrss)


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

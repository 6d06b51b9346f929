"""Two checkouts are measured in turn: the cases run with the code of each, and what is worse is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
COMPARED = "validate compile trivial_run steps csv_to_parquet location move move_mysql move_across aiop".split()


def compare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, check=False)


def test_a_bench_is_run_by_both_checkouts(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / ".venv").symlink_to(sys.prefix)
    done = compare("--pairs", old, "--rounds", "1", "validate")
    assert done.returncode in (0, 1), done.stderr
    name, wall, cpu, judged, verdict = [cell.strip() for cell in done.stdout.splitlines()[-1].split("|")[1:-1]]
    assert (name, judged) == ("validate: validate", "wall")
    assert float(wall) > 0 < float(cpu)
    assert (verdict == "WORSE") == bool(done.returncode)


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    done = compare("--pairs", tmp_path, "validate")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/.venv/bin/osiris is missing")


@pytest.mark.parametrize(
    ("wall", "cpu", "judged", "worse"),
    [(1.04, 9, "wall", False), (1.06, 1, "wall", True), (9, 1.04, "cpu", False), (1, 1.06, "cpu", True)],
)
def test_the_median_of_the_pairs_decides(
    monkeypatch: pytest.MonkeyPatch, wall: float, cpu: float, judged: str, worse: bool
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from measure import Case, Figures
    from pairs import row_of

    ratios = [(wall, cpu), (wall * 5, cpu * 5), (wall / 5, cpu / 5)]
    old = [Figures(float(number), float(number), 1) for number in (1, 7, 3)]
    new = [Figures(before.wall * w, before.cpu * c, 1) for before, (w, c) in zip(old, ratios, strict=True)]
    assert row_of("bench", Case("new case", [], judged=judged), old, new).is_worse == worse


@pytest.mark.parametrize("name", COMPARED)
def test_a_bench_names_the_cases_of_our_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    assert callable(__import__(name).own)

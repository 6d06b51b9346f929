"""The plugin counts what a test and its child processes take, in one process and spread over several."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BURN = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"
TEST = f"""
import subprocess, sys
def test_burns():
    subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
"""


@pytest.mark.parametrize("spread", [[], ["-n", "1"]], ids=["alone", "spread"])
def test_minutes_are_told_by_folder_with_those_of_child_processes(tmp_path: Path, spread: list[str]) -> None:
    for folder, text in (("tests/busy", TEST), ("tests/idle", "def test_rests(): pass\n")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"test_{folder[6:]}.py").write_text(text)
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-p", "tests.cpu_by_folder", "-p", "no:cacheprovider", *spread, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = {folder: float(minutes) for minutes, folder in re.findall(r"^ +([\d.]+)  (.+)$", done.stdout, re.MULTILINE)}
    assert told.keys() == {"tests/busy", "tests/idle", "start and collection", "all"}, done.stdout
    assert told["tests/busy"] >= 0.01
    assert told["tests/idle"] == 0

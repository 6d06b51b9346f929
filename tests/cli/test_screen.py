"""Progress lines: rewritten on a terminal, plain elsewhere, silent when asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

SCRIPT = """
import sys
from osiris_dagster.cli.screen import Screen
screen = Screen(quiet=len(sys.argv) > 1)
screen.say("running: rows 1 " + "x" * 500, live=True)
screen.say("running: rows 2", live=True)
screen.say("rows ok")
screen.say("running: more", live=True)
screen.close()
"""
ERASE = "\r\x1b[2K"


def on_terminal() -> str:
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "40"}
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, env=env, check=True, timeout=30)
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    return said.replace("\r\n", "\n")


def test_on_a_terminal_a_live_line_is_rewritten_and_leaves_nothing():
    first = ("running: rows 1 " + "x" * 500)[:39]
    assert on_terminal() == f"{first}{ERASE}running: rows 2{ERASE}rows ok\nrunning: more{ERASE}"


def test_elsewhere_only_lasting_lines_are_shown():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == ("", "rows ok\n")


def test_a_quiet_screen_shows_nothing():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "quiet"], capture_output=True, text=True, check=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("", "")

"""A write that is killed at any moment and retried leaves the right table, on every database, in every mode.

`make kill-test` does it 25 times each; without OSIRIS_KILLS once.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.kills.kills import MODES, killed_round, make
from tests.servers.mariadb import mysql_database, mysql_server
from tests.servers.postgres import postgres_database, postgres_server

__all__ = ["mysql_database", "mysql_server", "postgres_database", "postgres_server"]

BUSY = {
    "mysql": "select count(*) from information_schema.processlist where user = 'osiris_test'",
    "postgres": "select count(*) from pg_stat_activity where usename = 'osiris_test'",
    "sqlite": "select count(*) from sqlite_schema where name = '_osiris_loads'",
}
"""What is not 0 from the moment on when a run works on its table."""
LONGEST = {"mysql": 0.9, "postgres": 0.9, "sqlite": 0.3}
"""Seconds that the work on the table takes at most."""
TIMES = int(os.environ.get("OSIRIS_KILLS", "1"))


@dataclass(frozen=True)
class File:
    """A SQLite file of the project, as a database of a test."""

    path: Path
    connection: Mapping[str, Any] = field(default_factory=lambda: {"path": "killed.sqlite"})

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, 60, isolation_level=None)) as session:
            return [session.execute(statement).fetchall() for statement in statements][-1]


@pytest.fixture
def sqlite_database(tmp_path):
    (tmp_path / "project").mkdir()
    return File(tmp_path / "project" / "killed.sqlite")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", BUSY)
def test_a_killed_write_that_is_retried_leaves_the_right_table(family, mode, request, tmp_path, capsys):
    target = request.getfixturevalue(f"{family}_database")
    chance = random.Random(f"{family} {mode}")
    rounds = []
    for _ in range(TIMES):
        if family == "sqlite":
            target.path.unlink(missing_ok=True)
        make(tmp_path / "project", family, mode, target)
        delay = chance.uniform(0, LONGEST[family])
        ended = killed_round(tmp_path / "project", mode, target, lambda: target.execute(BUSY[family])[0][0] > 0, delay)
        assert ended.found == ended.expected
        rounds.append(ended)
    if TIMES > 1:
        killed, retried = sum(each.killed for each in rounds), sum(each.retries for each in rounds)
        with capsys.disabled():
            sys.stderr.write(f"\n{family} {mode}: {TIMES} runs, {killed} killed, {retried} retried, all tables right\n")

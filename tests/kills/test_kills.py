"""A write that is killed at any moment and retried leaves the right table, on every database, in every mode.

`make kill-test` does it 25 times each; without OSIRIS_KILLS once.
"""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.kills.kills import MODES, killed_round, make
from tests.servers.mariadb import mysql_database, mysql_server
from tests.servers.postgres import postgres_database, postgres_server

__all__ = ["mysql_database", "mysql_server", "postgres_database", "postgres_server"]

SESSIONS = {
    "mysql": "select count(*) from information_schema.processlist where user = 'osiris_test'",
    "postgres": "select count(*) from pg_stat_activity where usename = 'osiris_test'",
}
TIMES = int(os.environ.get("OSIRIS_KILLS", "1"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", SESSIONS)
def test_a_killed_write_that_is_retried_leaves_the_right_table(family, mode, request, tmp_path, capsys):
    target = request.getfixturevalue(f"{family}_database")
    chance = random.Random(f"{family} {mode}")
    rounds = []
    for _ in range(TIMES):
        make(tmp_path / "project", family, mode, target)
        ended = killed_round(
            tmp_path / "project", mode, target, lambda: target.execute(SESSIONS[family])[0][0] > 0, chance
        )
        assert ended.found == ended.expected
        rounds.append(ended)
    if TIMES > 1:
        killed, retried = sum(each.killed for each in rounds), sum(each.retries for each in rounds)
        with capsys.disabled():
            sys.stderr.write(f"\n{family} {mode}: {TIMES} runs, {killed} killed, {retried} retried, all tables right\n")

"""The old project, and the servers with what it left there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from tests.command import _clean_environment, osiris
from tests.compatibility.old_project import DATABASE, connect
from tests.compatibility.state import HERE, old_project
from tests.servers import mariadb, postgres
from tests.servers.places import in_memory

__all__ = ["_clean_environment", "osiris"]

Query = Callable[[str], object]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the old version left it; it is the working directory."""
    root = old_project(tmp_path / "project")
    _refresh(lambda statement: warehouse(root, statement))
    monkeypatch.chdir(root)
    return root


def warehouse(root: Path, statement: str, database: str = "warehouse") -> object:
    """Run a statement in a database file of the project and return its rows."""
    with duckdb.connect(root / "data" / f"{database}.duckdb") as session:
        return session.execute(statement).fetchall()


@pytest.fixture(scope="module")
def targets() -> Iterator[tuple[Mapping[str, int], Mapping[str, Query]]]:
    """Servers that hold what the old version wrote: their ports, and how to ask them."""
    with postgres.private_server(place=in_memory()) as pg, mariadb.private_server(place=in_memory()) as my:
        pg.execute(f"create database {DATABASE}")
        place = {"host": pg.host, "port": pg.port, "user": pg.user}
        with closing(psycopg2.connect(dbname=DATABASE, **place)) as session, session, session.cursor() as cursor:
            cursor.execute((HERE / "postgres.sql").read_text())
        my.execute(*(HERE / "mysql.sql").read_text().split(";\n")[:-1])
        ask: dict[str, Query] = {
            "postgres": lambda statement: pg.execute(statement, database=DATABASE),
            "mysql": lambda statement: my.execute(statement, database=DATABASE),
        }
        for query in ask.values():
            _refresh(query)
        yield {"postgres": pg.port, "mysql": my.port}, ask


def _refresh(query: Query) -> None:
    """Make the records of loads young: they are forgotten after a month, and this state gets older than that."""
    query("update _osiris.loads set committed_at = now()")


@pytest.fixture
def asking(old: Path, request: pytest.FixtureRequest) -> Callable[[str], Query]:
    """A function that returns how to ask the target of a family; the project's connections lead there."""

    def target(family: str) -> Query:
        if family == "duckdb":
            return lambda statement: warehouse(old, statement)
        ports, ask = request.getfixturevalue("targets")
        connect(old, **ports)
        return ask[family]

    return target

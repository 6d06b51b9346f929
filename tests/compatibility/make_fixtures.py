"""Make `project.tar.xz`, `postgres.sql` and `mysql.sql` anew: what a version of the product left behind.

    git checkout 2203e51 -- osiris_dagster components && python tests/compatibility/make_fixtures.py

It reaches into the code of commit 2203e51 and is to be run with that code only; newer code reads what it made. Then
`rewrite_golden.py`, with the same code. Ids of runs and moments differ each time; nothing names the machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.command import environment, written
from tests.compatibility.old_project import DATABASE, FAMILIES, connect, make_project
from tests.compatibility.state import HERE, PROJECT, ROOT, move, packed
from tests.servers import mariadb, postgres

_OSIRIS = """\
import importlib, socket, sys
from osiris_dagster.cli.main import main
from osiris_dagster.errors import DriverError

def losing(write):
    def written(self, rows):
        write(self, rows)
        raise DriverError("the answer to the commit was lost", code="DRV001", retryable="ambiguous")
    return written

socket.gethostname = lambda: "fixture-host"
if writer := sys.argv.pop(1):
    module, name = writer.split(":")
    found = getattr(importlib.import_module("osiris_dagster.drivers." + module), name)
    found.write = losing(found.write)
main(sys.argv[1:])
"""
_WRITERS = {**{family: f"{family}.write:Loading" for family in FAMILIES}, "csv": "filesystem.csv_write:CsvWriting"}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        mariadb.private_server() as my,
        postgres.private_server() as pg,
    ):
        pg.execute(f"create database {DATABASE}")
        my.execute(f"create database {DATABASE} character set utf8mb4")
        root = Path(folder).resolve() / "project"
        make_project(root)
        connect(root, postgres=pg.port, mysql=my.port)
        leave_state(root)
        connect(root)
        for old, new in ((str(root), ROOT), (str(HERE.parents[1]), "/fixture/checkout"), (sys.base_prefix, "/usr")):
            move(root, old, new)
        for name, text in {"postgres": dump_postgres(pg), "mysql": dump_mysql(my)}.items():
            (HERE / f"{name}.sql").write_text(text)
        PROJECT.write_bytes(packed(written(root)))


def leave_state(root: Path) -> None:
    """Run everything that is to leave something."""

    def osiris(*arguments: str, code: int = 0, losing: str = "") -> dict[str, Any]:
        command = [sys.executable, "-c", _OSIRIS, losing, *arguments, "--json"]
        done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, check=False)
        assert done.returncode == code, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return dict(json.loads(done.stdout))

    osiris("discover", "@duckdb.ops")
    osiris("compile", "pipelines", "--online")
    osiris("run", "pipelines/shop.yaml")
    for family in ("postgres", "mysql"):
        osiris("run", f"pipelines/followed-{family}.yaml")
    for family, writer in _WRITERS.items():
        osiris("run", f"pipelines/loaded-{family}.yaml", losing=writer, code=4)
    waiting = [
        osiris("run", "--no-aiop", "pipelines/shop.yaml"),
        osiris("run", "--no-aiop", "pipelines/followed-duckdb.yaml"),
        osiris("run", "--no-aiop", "pipelines/days.yaml", "--partition", "2025-01-02"),
        osiris("run", "--no-aiop", "pipelines/days.yaml", "--partition-range", "2025-01-03...2025-01-05"),
        osiris("run", "--no-aiop", "pipelines/branched.yaml", code=4),
        osiris("run", "--no-aiop", "pipelines/isolated.yaml", code=4),
    ]
    cancel(root)
    (canceled,) = osiris("runs", "list", "--pipeline", "slow")["runs"]
    queue(root, [str(run["run_id"]) for run in (*waiting, canceled)])


def cancel(root: Path) -> None:
    """Interrupt a run while it waits for a file that this process holds."""
    with duckdb.connect(root / "data" / "gate.duckdb"):
        command = [sys.executable, "-c", _OSIRIS, "", "run", "--no-aiop", "pipelines/slow.yaml"]
        with subprocess.Popen(command, cwd=root, env=environment()) as running:
            while not (root / "output" / "first.csv").exists():
                time.sleep(0.1)
            time.sleep(3)
            running.send_signal(signal.SIGINT)
        assert running.returncode == 130, running.returncode


def queue(root: Path, run_ids: list[str]) -> None:
    """Let runs wait for their packages, as a sensor of Dagster leaves them."""
    from osiris_dagster.sensors.queue import export_queue

    from osiris_dagster.project import Project

    assert all(export_queue(Project(root)).add(run_id) for run_id in run_ids)


def dump_postgres(server: postgres.Server) -> str:
    program = shutil.which("pg_dump") or str(max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump")))
    command = [program, "-h", server.host, "-p", str(server.port), "-U", server.user]
    command += ["--no-owner", "--inserts", "--no-comments", "--no-privileges", DATABASE]
    return _statements(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def dump_mysql(server: mariadb.Server) -> str:
    command = ["mariadb-dump", "--no-defaults", f"--host={server.host}", f"--port={server.port}", "--user=root"]
    command += ["--skip-extended-insert", "--compact", "--databases", DATABASE, "_osiris"]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return _statements(dumped).replace(" COLLATE=utf8mb4_nopad_bin", "")  # MySQL has no such collation


def _statements(dumped: str) -> str:
    """Leave out settings of the session, comments and commands of the client."""
    kept = re.sub(r"^(?:--|\\|/\*|SET |SELECT pg_catalog).*\n|^\n", "", dumped, flags=re.MULTILINE)
    assert ROOT not in kept
    return kept


if __name__ == "__main__":
    os.umask(0o022)
    main()

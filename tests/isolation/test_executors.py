"""The same OML on the executors of Dagster: in one process, in several, and on Celery workers that may be killed.

Runs are recorded in PostgreSQL, as several machines need it; so are the rows that they write.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis
import yaml
from dagster import DagsterRunStatus

from osiris_dagster.exports.export import export_run
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import CONFIG, open_instance
from tests.command import COMMAND, environment, make_project
from tests.isolation.pipelines import wide
from tests.live.conftest import wait_for
from tests.servers.broker import broker_url
from tests.servers.postgres import Server, postgres_server

__all__ = ["broker_url", "postgres_server"]

TO_POSTGRES = (
    wide()
    .replace("duckdb.writer", "postgres.writer")
    .replace('"@duckdb.warehouse", table: totals', '"@postgres.target", table: totals, lock_timeout: 300')
)
ROWS = [("ann", "Ann", "11.75"), ("bob", None, "4.00")]
PATIENCE = 180  # seconds for anything to happen on a busy machine
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Site:
    """A project whose runs are recorded in PostgreSQL, and the server."""

    root: Path
    server: Server
    env: dict[str, str]

    @property
    def project(self) -> Project:
        return Project(self.root)

    def use(self, **execution: Any) -> None:
        """Choose the executor."""
        (self.root / "osiris.yaml").write_text(yaml.safe_dump({"execution": execution} if execution else {}))

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a run of the job."""
        command = [BIN / "dagster", "job", "execute", "-m", "osiris_dagster.definitions", "-j", "wide_job", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.root, env=self.env, **pipes)

    def run(self, *options: str) -> str:
        """Run the job to its good end; return the run."""
        with self.start(*options) as process:
            said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said[-6000:]
        return self.last().run_id

    def last(self) -> Any:
        with open_instance(self.project, self.env) as instance:
            return instance.get_runs(limit=1)[0]

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what the table holds."""
        return sorted(self.server.execute("select customer, name, total::text from totals", database="target"))

    def empty(self) -> None:
        """Make the targets anew; the table is there, so that it can be locked before the first run."""
        self.other.unlink(missing_ok=True)
        table = "create table totals (customer text, name text, total numeric)"
        self.server.execute("drop table if exists totals", table, database="target")

    @property
    def other(self) -> Path:
        """What the branch writes that has nothing to do with the table."""
        return self.root / "output" / "large.csv"

    def celery(self) -> None:
        """Let steps go to workers. A task is taken off the broker when it has ended, so that a lost one comes back."""
        config = {"broker": {"env": "BROKER"}, "backend": {"env": "BROKER"}, "config_source": {"task_acks_late": True}}
        self.use(executor="celery", config=config)

    @contextmanager
    def worker(self) -> Iterator[int]:
        """Start a worker that executes one step at a time; give the group of its processes."""
        options = ["-A", "dagster_celery.app", "-y", "osiris.yaml", "--", "--concurrency", "1", "--without-mingle"]
        log = self.root / f"worker-{time.monotonic_ns()}.log"
        with log.open("w") as out:
            command = [BIN / "dagster-celery", "worker", "start", *options]
            process = subprocess.Popen(
                command, cwd=self.root, env=self.env, stdout=out, stderr=out, start_new_session=True
            )
            try:
                wait_for(lambda: " ready." in log.read_text())
                yield process.pid
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the target from everybody else."""
        place = {"host": self.server.host, "port": self.server.port, "user": self.server.user, "dbname": "target"}
        with closing(psycopg2.connect(**place, password=self.server.password)) as session, session.cursor() as cursor:
            cursor.execute("lock table totals in access exclusive mode")
            yield

    def waiting(self) -> psutil.Process | None:
        """Return the process whose write waits for the lock."""
        sql = "select client_port from pg_stat_activity where datname = 'target' and wait_event_type = 'Lock'"
        ports = {port for (port,) in self.server.execute(sql)}
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port in ports and connection.pid:
                return psutil.Process(connection.pid)
        return None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server, broker_url: str) -> Site:
    root = make_project(tmp_path_factory.mktemp("site") / "shop")
    for name in ("dagster", "target"):
        postgres_server.execute(f"drop database if exists {name} with (force)", f"create database {name}")
    fields = {"host": postgres_server.host, "port": postgres_server.port, "user": postgres_server.user}
    connections = yaml.safe_load((root / "osiris_connections.yaml").read_text())
    password = {"password": postgres_server.password} if postgres_server.password else {}
    connections["connections"]["postgres"] = {"target": {**fields, "database": "target", **password}}
    (root / "osiris_connections.yaml").write_text(yaml.safe_dump(connections))
    (root / "pipelines/wide.yaml").write_text(TO_POSTGRES)
    home = root / ".osiris/dagster_home"
    home.mkdir(parents=True)
    place = {"username": fields["user"], "hostname": fields["host"], "port": fields["port"], "db_name": "dagster"}
    # SQLAlchemy takes `postgresql:` for another library than the one that dagster-postgres installs.
    place |= {"password": postgres_server.password, "scheme": "postgresql+psycopg2"}
    (home / "dagster.yaml").write_text(CONFIG + yaml.safe_dump({"storage": {"postgres": {"postgres_db": place}}}))
    env = {**environment(), "OSIRIS_HOME": str(root), "DAGSTER_HOME": str(home), "BROKER": broker_url}
    return Site(root, postgres_server, env | {"PATH": f"{BIN}:{os.environ['PATH']}"})


VOLATILE = ("delta", "generated", "metadata", "narrative", "summary")  # about this run beside others, and its size
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\.\d{13}")


def package_of(site: Site, run_id: str) -> Any:
    """Return the package of a run without what differs between two runs of one thing: ids, moments and measures."""
    with open_instance(site.project, site.env) as instance:
        (package,) = export_run(instance, site.project, run_id)
    text = (site.root / package.folder / "core.jsonld").read_text()
    fingerprint = json.loads(text)["@id"].rpartition("/")[2]
    core = json.loads(_MOMENT.sub("", text.replace(run_id, "RUN").replace(fingerprint, "PRINT")))
    core["evidence"]["timeline"].sort(key=lambda event: (event.get("verifies", ""), event["@id"]))
    for number, event in enumerate(core["evidence"]["timeline"]):
        event["seq"] = number
    core["run"]["duration_ms"] = 0
    for metric in [*core["run"]["metrics"], *(m for step in core["evidence"]["step_runs"] for m in step["metrics"])]:
        if metric["unit"] in ("ms", "bytes"):
            metric["value"] = 0
    return {name: value for name, value in core.items() if name not in VOLATILE}


@pytest.fixture(scope="module")
def in_one_process(site):
    site.empty()
    site.use(executor="in_process")
    run_id = site.run()
    assert site.rows() == ROWS
    return package_of(site, run_id)


def test_processes_give_the_same_rows_and_the_same_package(site, in_one_process):
    site.empty()
    site.use()
    run_id = site.run()
    assert site.rows() == ROWS
    assert package_of(site, run_id) == in_one_process


def test_a_run_whose_step_was_killed_is_retried_exactly(site):
    site.empty()
    site.celery()
    with site.worker(), site.worker(), site.locked(), site.start() as process:
        writer = wait_for(site.waiting)
        wait_for(site.other.is_file)  # Dagster's Celery loop never ends when a task fails while steps wait to be sent
        writer.kill()
        assert process.wait(PATIENCE) != 0
    failed = site.last()
    assert failed.status is DagsterRunStatus.FAILURE
    assert site.rows() == []
    command = [COMMAND, "run", "--retry", "last", "--json"]
    again = subprocess.run(command, cwd=site.root, env=site.env, capture_output=True, check=False)
    assert again.returncode == 0, again.stdout
    assert {step["id"] for step in json.loads(again.stdout)["steps"]} == {"totals"}
    assert site.rows() == ROWS


def test_a_step_whose_worker_is_gone_is_run_by_another_one_and_the_package_is_the_same(
    site, in_one_process, broker_url
):
    site.empty()
    site.celery()
    with site.start() as process:
        with site.worker() as group, site.locked():
            assert os.getpgid(wait_for(site.waiting).pid) == group
            os.killpg(group, signal.SIGKILL)
        # The broker gives a task up after an hour without an answer: that hour is over now.
        with redis.Redis.from_url(broker_url) as client:
            for tag, _ in client.zscan_iter("unacked_index"):
                client.zadd("unacked_index", {tag: 0})
        with site.worker():
            process.wait(PATIENCE)
    run = site.last()
    assert run.status is DagsterRunStatus.SUCCESS
    assert site.rows() == ROWS
    assert package_of(site, run.run_id) == in_one_process

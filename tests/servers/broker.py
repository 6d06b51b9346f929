"""A message broker for tests: the one that OSIRIS_TEST_BROKER_URL names, else a private Redis of this module."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest
import redis

from tests.servers.postgres import free_port

VARIABLE = "OSIRIS_TEST_BROKER_URL"
_ADVICE = f"install redis-server (apt-get install redis-server), or set {VARIABLE}=redis://host:6379/0"


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    """The address of a Redis that keeps tasks and their results; it holds nothing that would be missed."""
    if named := os.environ.get(VARIABLE):
        yield named
        return
    program = shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin")
    if program is None:
        pytest.fail(f"no broker for the tests: redis-server is not on this machine; {_ADVICE}")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the broker for the tests does not start: {error}")
                time.sleep(0.05)
            else:
                return

"""Servers for the tests of connectors, and asserts of the shared suite as talkative as those of a test."""

import pytest

from tests.servers.mariadb import mysql_database, mysql_server, mysql_tls_server, mysql_url, without_local_infile
from tests.servers.postgres import postgres_database, postgres_server, postgres_url

__all__ = [
    "mysql_database",
    "mysql_server",
    "mysql_tls_server",
    "mysql_url",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "without_local_infile",
]

pytest.register_assert_rewrite(
    "tests.drivers.conformance", "tests.drivers.inspection", "tests.drivers.processing", "tests.drivers.workbench"
)

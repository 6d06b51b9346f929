"""Servers for the tests of connectors."""

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

"""What the command line and the environment say, and the files they name."""

from __future__ import annotations

import pytest

from osiris_dagster.connections.project import connections_of
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings, read_oml

FILE = "connections: {duckdb: {ops: {path: '${OPS_PATH}', default: true}, empty: }}\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "osiris_connections.yaml").write_text(FILE)
    return Project(tmp_path)


def resolved(project, **given):
    return connections_of(project, Settings(**given)).resolve("@duckdb")["path"]


def test_connections_come_from_the_project_and_need_no_variable_to_be_listed(project):
    facts = connections_of(project, Settings(env={})).facts
    assert [(f.reference, f.default) for f in facts] == [("@duckdb.empty", False), ("@duckdb.ops", True)]


def test_the_secrets_file_wins_over_the_environment_and_that_over_dotenv(project, tmp_path):
    (tmp_path / ".env").write_text("OPS_PATH=from_dotenv\n")
    (tmp_path / "secrets").write_text("OPS_PATH=from_file\n")
    secrets = str(tmp_path / "secrets")
    assert resolved(project, env={}) == "from_dotenv"
    assert resolved(project, env={"OPS_PATH": ""}) == "from_dotenv"
    assert resolved(project, env={"OPS_PATH": "from_env"}) == "from_env"
    assert resolved(project, env={"OPS_PATH": "from_env"}, secrets_file=secrets) == "from_file"


def test_another_connections_file_can_be_named(project, tmp_path):
    (tmp_path / "other.yaml").write_text("connections: {duckdb: {ops: {path: other}}}\n")
    assert resolved(project, env={}, connections_file=str(tmp_path / "other.yaml")) == "other"
    with pytest.raises(ConfigError) as caught:
        connections_of(project, Settings(env={}, connections_file=str(tmp_path / "absent.yaml")))
    assert caught.value.first.code == "CFG020"


def test_an_oml_file_is_read_as_bytes_or_told_why_not(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\n")
    assert read_oml(tmp_path / "a.yaml", "a.yaml") == b"\xff\n"
    for name, found in (("absent.yaml", "No such file or directory"), ("", "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            read_oml(tmp_path / name, "shown")
        assert (caught.value.first.code, caught.value.first.found) == ("CFG020", found)
        assert "shown" in caught.value.first.message

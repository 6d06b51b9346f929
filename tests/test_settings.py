"""What the command line and the environment say, and the files they name."""

from __future__ import annotations

import pytest

from osiris_dagster.connections.project import connections_of
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings, project_options, read_oml

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("a: {x: no, y: 010, z: 0x10, w: 12:30}", {"x": "no", "y": "010", "z": 16, "w": "12:30"}),
        ("\ufeffa: {x: 1}", {"x": 1}),
        ("b: {x: 1}", None),
        ("just text", None),
    ],
)
def test_osiris_yaml_is_read_by_the_rules_of_oml(tmp_path, text, expected):
    (tmp_path / "osiris.yaml").write_text(text)
    assert project_options(Project(tmp_path), "a") == expected


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: {x: 1, x: 2}", 1, "the key `x` stands twice"),
        ("a: {x: 1}\nb: &b {y: 1}\nc: {<<: *b}", 3, "merge keys"),
        ("a: [1", 1, "not closed"),
        ("a: 1\n---\nb: 2", 2, "more than one document"),
    ],
)
def test_an_osiris_yaml_that_cannot_be_read_names_the_line(tmp_path, text, line, found):
    (tmp_path / "osiris.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        project_options(Project(tmp_path), "a")
    first = caught.value.first
    assert (first.code, first.place.file) == ("AIO030", "osiris.yaml")
    assert first.place.line == line
    assert found in first.found

"""Where a project is, and that its paths stay inside."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.errors import ConfigError
from osiris_dagster.project import MARKER, Project, find_project, leaves_project


@pytest.fixture
def nested(tmp_path):
    """Return a folder three levels below a project."""
    (tmp_path / MARKER).touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path / "a" / "b"


def test_the_nearest_parent_with_the_marker_is_the_project(nested, tmp_path):
    assert find_project(cwd=nested, env={}) == Project(tmp_path.resolve())
    (tmp_path / "a" / MARKER).touch()
    assert find_project(cwd=nested, env={}).root == (tmp_path / "a").resolve()


def test_without_a_marker_the_working_directory_is_the_project(tmp_path):
    (tmp_path / "plain").mkdir()
    assert find_project(cwd=tmp_path / "plain", env={}).root == (tmp_path / "plain").resolve()


def test_the_command_line_wins_over_the_environment_and_both_over_the_marker(nested, tmp_path):
    for name in ("one", "two"):
        (nested / name).mkdir()
    env = {"OSIRIS_HOME": str(nested / "two")}
    assert find_project(cwd=nested, env=env).root.name == "two"
    assert find_project("one", cwd=nested, env=env).root.name == "one"
    assert find_project(cwd=nested, env={"OSIRIS_HOME": ""}).root == tmp_path.resolve()


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "p").mkdir()
    assert find_project("~/p", cwd=tmp_path, env={}).root == (tmp_path / "p").resolve()


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_folder_that_is_named_must_exist(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as caught:
        find_project(name, cwd=tmp_path, env={})
    assert (caught.value.first.code, caught.value.first.found) == ("CFG011", name)


def test_everything_that_is_written_lies_below_the_root(tmp_path):
    project = Project(tmp_path)
    for folder in (project.pipelines, project.build, project.aiop, project.state, project.dagster_home):
        assert folder.is_relative_to(tmp_path)


def test_paths_are_shown_relative_to_the_root(tmp_path):
    project = Project(tmp_path / "p")
    assert project.relative(tmp_path / "p" / "pipelines" / "a.yaml") == "pipelines/a.yaml"
    assert project.relative(tmp_path / "other" / "a.yaml") == "../other/a.yaml"
    assert project.relative(project.root.relative_to(project.root) / "x") == "x"


def test_a_name_that_is_no_text_is_shown_as_text(tmp_path):
    shown = Project(tmp_path).relative(tmp_path / os.fsdecode(b"bad\xff.yaml"))
    assert shown == "bad\\xff.yaml"
    assert shown.encode().decode() == shown


@pytest.mark.parametrize("path", ["a.csv", "a/../b.csv", "./a", "link-in/x", ""])
def test_a_path_below_the_root_is_inside(tmp_path, path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link-in").symlink_to("real")
    assert Project(tmp_path).inside(path).is_relative_to(tmp_path.resolve())


@pytest.mark.parametrize("path", ["..", "../a", "a/../../b", "/etc/passwd", "link-out/x"])
def test_a_path_that_leads_out_is_refused_also_through_a_link(tmp_path, path):
    root = tmp_path / "p"
    (root / "a").mkdir(parents=True)
    (root / "link-out").symlink_to(tmp_path)
    with pytest.raises(ConfigError) as caught:
        Project(root).inside(path)
    assert (caught.value.first.code, caught.value.first.found) == ("CFG010", path)


@pytest.mark.parametrize("path", ["/a", "\\a", "~/a", "C:\\a", "..", "a/../..", "a\\..\\..\\b", "../a", "./../a"])
def test_text_alone_tells_that_a_path_leads_out(path):
    assert leaves_project(path)


@given(st.lists(st.sampled_from(["a", "b.csv", ".", "", "..", "ž"]), max_size=6))
def test_text_and_file_system_agree_where_there_are_no_links(tmp_path_factory, parts):
    path = "/".join(parts)
    if path.startswith("/"):
        assert leaves_project(path)
        return
    root = tmp_path_factory.getbasetemp() / "x" / "y"
    outside = not os.path.normpath(root / path).startswith(str(root))
    climbed = any(os.path.normpath("/".join(parts[: n + 1])).startswith("..") for n in range(len(parts)))
    assert leaves_project(path) == climbed
    assert climbed or not outside

"""A new project runs at once, and `init` never overwrites what is there."""

from __future__ import annotations

from tests.command import written

FILES = {
    "osiris.yaml",
    "osiris_connections.yaml",
    "workspace.yaml",
    ".gitignore",
    "data/cities.csv",
    "pipelines/cities.yaml",
}


def test_a_project_is_made_in_a_folder_that_need_not_exist(osiris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = osiris("init", "new/shop", "--json")
    assert result.code == 0
    assert result.data["folder"] == "new/shop"
    assert set(result.data["files"]) == FILES == written(tmp_path / "new/shop").keys()


def test_the_working_directory_is_the_default_and_the_next_steps_are_told(osiris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "cd " not in osiris("init").out
    assert "cd inner" in osiris("init", "inner").out
    assert written(tmp_path).keys() == FILES | {f"inner/{name}" for name in FILES}


def test_files_that_exist_are_kept(osiris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cities.csv").write_text("mine")
    assert set(osiris("init", "--json").data["files"]) == FILES - {".gitignore", "data/cities.csv"}
    assert (tmp_path / ".gitignore").read_text() == (tmp_path / "data" / "cities.csv").read_text() == "mine"


def test_a_second_project_in_the_same_folder_is_refused(osiris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    osiris("init")
    before = written(tmp_path)
    result = osiris("init", "--json")
    assert (result.code, result.codes) == (5, ["CFG040"])
    assert written(tmp_path) == before


def test_what_init_makes_is_valid_in_the_strictest_mode(osiris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    osiris("init")
    assert osiris("validate", "pipelines/cities.yaml", "--mode", "strict", "--json").data["diagnostics"] == []
    assert osiris("compile", "pipelines/cities.yaml", "--mode", "strict", "--json").data["diagnostics"] == []

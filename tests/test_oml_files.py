"""Which files a folder means, and what is wrong with files as neighbours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from osiris_dagster.errors import ConfigError
from osiris_dagster.oml_files import Named, named_files, neighbour_faults, oml_files
from osiris_dagster.project import Project


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("pipelines/b.yaml", "pipelines/a.yml", "pipelines/deep/er/c.yaml", "osiris.yaml", "build/x/m.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(root: Path, *asked: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in named_files(Project(root), asked)]


def test_a_folder_means_its_oml_files_at_any_depth_and_nothing_else(root: Path) -> None:
    for name in (".hidden.yaml", ".git/x.yaml", "notes.md", "a.schema.json", "X.YAML.bak"):
        (root / "pipelines" / name).parent.mkdir(exist_ok=True)
        (root / "pipelines" / name).touch()
    (root / "pipelines" / "nowhere.yaml").symlink_to("gone")
    (root / "pipelines" / ".#b.yaml").symlink_to("user@host.1234")  # the lock of an editor
    (root / "pipelines" / "folder.yaml").mkdir()
    os.mkfifo(root / "pipelines" / "pipe.yaml")
    (root / "pipelines" / "round").symlink_to(".", target_is_directory=True)
    found = ["pipelines/a.yml", "pipelines/b.yaml", "pipelines/deep/er/c.yaml", "pipelines/nowhere.yaml"]
    assert names(root, "pipelines") == found
    assert [path.name for path in oml_files(root / "absent")] == []


def test_the_root_of_a_project_means_its_pipelines(root: Path) -> None:
    assert names(root, ".") == names(root, "pipelines")
    assert names(root, "pipelines/deep", "pipelines/b.yaml") == ["pipelines/deep/er/c.yaml", "pipelines/b.yaml"]
    assert names(root, "pipelines/b.yaml", "pipelines")[0] == "pipelines/b.yaml"
    assert len(names(root, "pipelines/b.yaml", "pipelines")) == 3
    (root / "empty").mkdir()
    with pytest.raises(ConfigError, match="no OML file in empty"):
        names(root, "empty")


def faults(**pipelines: str) -> dict[str, str]:
    """Return the code found for each file, written `a__yaml` for `a.yaml`."""
    files = [Named(f"pipelines/{key.replace('__', '.')}", name) for key, name in pipelines.items()]
    return {file.removeprefix("pipelines/"): fault.code for file, fault in neighbour_faults(files).items()}


def test_files_that_stand_in_each_others_way_are_all_refused_and_the_others_are_not() -> None:
    assert faults(a__yaml="a", b__yaml="b") == {}
    assert faults(a__yaml="x", b__yaml="x", c__yaml="c") == {"a.yaml": "CMP060", "b.yaml": "CMP060"}
    assert faults(a__yaml="Straße", b__yaml="straße", c__yaml="c") == {}
    assert faults(a__yaml="x-y", b__yaml="X_Y", c__yaml="x.y") == dict.fromkeys(
        ("a.yaml", "b.yaml", "c.yaml"), "CMP060"
    )
    assert faults(a__yaml="one", a__yml="two", b__yml="b") == {"a.yaml": "CMP062", "a.yml": "CMP062"}
    assert faults(a__yaml="one", A__yaml="two") == {"a.yaml": "CMP062", "A.yaml": "CMP062"}
    assert faults(a__yaml="aiop", b__yaml="file", c__yaml="files", d__yaml="osiris_broken") == dict.fromkeys(
        ("a.yaml", "b.yaml", "d.yaml"), "CMP063"
    )


def test_a_fault_names_all_files_and_the_line_of_the_name() -> None:
    text = "# orders\noml_version: '0.2.0'\nname: orders\n"
    found = neighbour_faults([Named("one.yaml", "orders", text), Named("two.yaml", "Orders", "{name: Orders}")])
    assert {file: str(fault.place) for file, fault in found.items()} == {
        "one.yaml": "one.yaml:3:1",
        "two.yaml": "two.yaml:1:1",
    }
    assert {fault.found for fault in found.values()} == {"one.yaml, two.yaml"}
    assert all("'orders'" in found["one.yaml"].message and fault.fix for fault in found.values())

"""Nothing lies around in the package: no module that nobody imports, no name that nobody or only a test uses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.layout.reach import unreached

ROOT = Path(__file__).parent.parent.parent
TREES = yaml.safe_load((Path(__file__).parent / "trees.yaml").read_text("utf-8"))


def entries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the page of public names lists."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
    from public_names import public_names

    return [one.target for one in public_names()]


def test_every_module_is_imported_and_every_name_used_by_what_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unreached(ROOT / "osiris_dagster", entries(monkeypatch)) == []


def test_what_is_public_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "reference" / "public.md").read_text("utf-8")
    for target in entries(monkeypatch):
        assert f"`{target}`" in page
        module, _, name = target.partition(":")
        path = ROOT.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert file.is_file()
        assert f" {name}" in file.read_text("utf-8")


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree["name"])
def test_what_nothing_leads_to_is_found(tmp_path: Path, tree: dict) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    for name, text in {"__init__": "", **tree["files"]}.items():
        (package / f"{name}.py").write_text(text, "utf-8")
    (tmp_path / "test_shop.py").write_text(tree.get("tests", ""), "utf-8")
    assert unreached(package, tree["entries"]) == tree["unreached"]

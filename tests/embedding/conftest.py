"""A plain `dg` project beside an Osiris project."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PYPROJECT = """\
[project]
name = "plain"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "plain"
"""
DEFINITIONS = """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


def make_plain(root: Path) -> Path:
    """Write a `dg` project that knows nothing of Osiris."""
    (root / "src/plain/defs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "src/plain/__init__.py").touch()
    (root / "src/plain/defs/__init__.py").touch()
    (root / "src/plain/definitions.py").write_text(DEFINITIONS)
    return root


@pytest.fixture
def plain(project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a `dg` project whose root is the folder above the Osiris project `project`."""
    root = make_plain(project.root.parent)
    monkeypatch.syspath_prepend(root / "src")
    for name in [name for name in sys.modules if name.partition(".")[0] == "plain"]:
        monkeypatch.delitem(sys.modules, name)
    return root

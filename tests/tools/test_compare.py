from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.compare import main

ROOT = Path(__file__).parents[2]
MESSAGE = "in canonical layout"
DOCUMENT = """\
oml_version: "0.2.0"
name: orders
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkouts with the code of this one and a document each; nothing else is in them."""
    for name in ("old", "new"):
        (tmp_path / name / "examples").mkdir(parents=True)
        (tmp_path / name / "README.md").write_text("A page.\n")
        for folder in ("osiris_dagster", "components"):
            (tmp_path / name / folder).symlink_to(ROOT / folder)
    (tmp_path / "old" / "examples" / "orders.yaml").write_text(DOCUMENT)
    (tmp_path / "new" / "examples" / "orders.yaml").write_text(DOCUMENT.replace("select 1", "selec 1"))
    return tmp_path / "old", tmp_path / "new"


def planted(checkout: Path) -> None:
    """Give a checkout code of its own with one message changed."""
    (checkout / "osiris_dagster").unlink()
    shutil.copytree(ROOT / "osiris_dagster", checkout / "osiris_dagster")
    files = [path for path in (checkout / "osiris_dagster").rglob("*.py") if MESSAGE in path.read_text("utf-8")]
    assert files
    for path in files:
        path.write_text(path.read_text("utf-8").replace(MESSAGE, "as it should be"), "utf-8")


def compared(checkouts: tuple[Path, Path], *more: str) -> int:
    return main([*map(str, checkouts), *more])


def test_a_checkout_is_the_same_as_itself(checkouts, capsys):
    assert compared(checkouts, "--part", "documents") == 0
    shown = capsys.readouterr().out
    assert "documents: 6 cases" in shown  # both documents, and the query of the first for four components
    assert "documents: 0 differences" in shown


def test_a_changed_message_is_found_with_its_old_and_new_line(checkouts, capsys, tmp_path):
    planted(checkouts[1])
    assert compared(checkouts, "--part", "documents") == 1
    shown = capsys.readouterr().out
    assert f"old: p.yaml: {MESSAGE} | new: p.yaml: as it should be" in shown

    expected = tmp_path / "expected.yaml"
    expected.write_text('[{match: "as it should be", reason: plainer words}]')
    assert compared(checkouts, "--part", "documents", "--expect", str(expected)) == 0
    assert "expected: plainer words" in capsys.readouterr().out


def test_an_expectation_that_matches_nothing_is_told(checkouts, capsys, tmp_path):
    expected = tmp_path / "expected.yaml"
    expected.write_text('[{match: "statements .* lease", reason: one statement less}]')
    assert compared(checkouts, "--part", "documents", "--expect", str(expected)) == 1
    assert "nothing matches the expectation 'statements .* lease' (one statement less)" in capsys.readouterr().out


def test_runs_that_write_to_every_family_are_the_same(checkouts, capsys):
    assert compared(checkouts, "--part", "pairs", "--sample", "3") == 0
    assert "pairs: 3 cases" in capsys.readouterr().out

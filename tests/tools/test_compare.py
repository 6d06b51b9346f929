from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools.compare import main
from tools.comparison.differences import Difference, Expectation, differences, report
from tools.comparison.normal import Normal

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
RUN = "0f8fad5b-d9cb-469f-a165-70867728950e"
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


def test_a_changed_message_is_found_with_its_old_and_new_line(checkouts, capsys):
    planted(checkouts[1])
    assert compared(checkouts, "--part", "documents") == 1
    shown = capsys.readouterr().out
    assert f"old: p.yaml: {MESSAGE} | new: p.yaml: as it should be" in shown


def test_runs_that_write_to_every_family_are_the_same(checkouts, capsys):
    assert compared(checkouts, "--part", "pairs", "--sample", "3") == 0
    assert "pairs: 3 cases" in capsys.readouterr().out


def test_an_aspect_that_only_one_side_has_is_a_difference():
    (found,) = differences("pairs", "a pair", {"rows of t": "1"}, {"rows of t": "1", "rows of u": "2"})
    assert str(found) == "pairs | a pair | rows of u | line 0 | old: (absent) | new: 2"


def test_a_long_line_is_shown_where_it_differs():
    before, after = "x" * 500 + "old" + "x" * 500, "x" * 500 + "new" + "x" * 500
    (found,) = differences("pairs", "a pair", {"stdout": before}, {"stdout": after})
    assert re.search(r"old: \.\.\.x+oldx+\.\.\. \| new: \.\.\.x+newx+\.\.\.$", str(found))


def test_differences_of_one_kind_are_counted_and_the_first_are_shown():
    found = [Difference("pairs", f"pair {number}", "stdout", 1, "a", "b") for number in range(5)]
    lines, good = report(found, (), 2)
    assert lines[0].split() == ["5", "pairs:", "stdout"]
    assert [line.strip() for line in lines[1:]] == [str(found[0]), str(found[1]), "... and 3 more"]
    assert not good


def test_expected_differences_are_counted_by_their_reason():
    found = [Difference("pairs", "mysql append: a", "statements", 3, "select 1", "select 2")]
    lines, good = report(found, [Expectation(r"pairs \| mysql .* \| statements", "one statement less")], 3)
    assert [line.split(maxsplit=1) for line in lines] == [["1", "expected: one statement less"]]
    assert good


def test_an_expectation_that_matches_nothing_is_told():
    lines, good = report([], [Expectation("statements", "one statement less")], 3)
    assert lines == ["nothing matches the expectation 'statements' (one statement less)"]
    assert not good


@pytest.mark.parametrize(
    ("told", "worded"),
    [
        (f"run {RUN} in 12 ms", "run <id 1> in <duration>"),
        (f"{RUN[:8]} again", "<id 1> again"),
        ("kept 9c5b94b1-35ad-49bb-b118-8e8fc24abf80", "kept <id>"),
        (f"key {'a1' * 32}", "key <digest>"),
        ("stage_7c87d948_load", "stage_<random>_load"),
        ("since 1999-12-31 23:59:59", "since 1999-12-31 23:59:59"),
        ("since {now}+00:00, {seconds}123", "since <moment>, <moment>"),
        ("/place/case/p.yaml at 127.0.0.1:3307", "<project>/p.yaml at 127.0.0.1:<port>"),
        ("port 33071 and 13307", "port 33071 and 13307"),
    ],
)
def test_what_differs_between_any_two_runs_is_put_into_words(told, worded):
    told = told.replace("{now}", f"{NOW:%Y-%m-%dT%H:%M:%S}").replace("{seconds}", f"{NOW.timestamp():.0f}")
    normal = Normal({"/place/case": "<project>"}, (3307,))
    raw = {"1. run: stdout": f"run {RUN}", "statements": told}
    assert normal.aspects(raw, lambda name: False)["statements"] == worded


def test_a_table_of_the_case_and_what_is_exact_are_left_alone():
    raw = {"rows of t": f"/place/case {RUN} 12 ms"}
    assert Normal({"/place/case": "<project>"}).aspects(raw, lambda name: True) == {
        "rows of t": f"<project> {RUN} 12 ms"
    }

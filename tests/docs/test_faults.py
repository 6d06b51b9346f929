from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "faults.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def test_every_fault_has_a_row_with_tests():
    rows = dict(re.findall(r"^\| (\d+)\. .*?\| (?:.*\|)? ?([^|]*) \|$", PAGE, re.MULTILINE))
    assert sorted(map(int, rows)) == [*range(1, 32), 45]
    assert [number for number, tests in rows.items() if not NAMED.search(tests)] == []


def test_every_test_that_is_named_is_there():
    named = set(NAMED.findall(PAGE))
    roots = {file: TESTS.parent if file.startswith("osiris_dagster/") else TESTS for file, _ in named}
    missing = [name for file, name in named if f"def {name}(" not in (roots[file] / file).read_text("utf-8")]
    assert len(named) > 80
    assert missing == []

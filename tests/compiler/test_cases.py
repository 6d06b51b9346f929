"""Compile errors as data: each text of cases.yaml against its codes, its place and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osiris_dagster.columns import Column
from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock
from osiris_dagster.errors import CompileError, Diagnostic
from osiris_dagster.oml.render import render
from tests.compiler.compiling import FILE, inputs_of, lock_for

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text("utf-8"))
MARK = "»"


def marked(case: dict) -> tuple[str, int, int]:
    """Return the text without its mark, and the line and column where it stood."""
    before, _, after = case["text"].partition(MARK)
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


def found_in(case: dict) -> tuple[Diagnostic, ...]:
    text, _, _ = marked(case)
    lock = lock_for(text, case["lock"]) if "lock" in case else SchemaLock()
    if "stale" in case:
        entries = case["stale"].items()
        lock = SchemaLock({s: LockedSchema("0" * 64, tuple(Column(n, t) for n, t in c.items())) for s, c in entries})
    given = {"profile": case.get("profile", ""), "overrides": case.get("params", {}), "env": case.get("env", {})}
    inputs = inputs_of(text, lock=lock, **given)
    if "warnings" in case:
        return compile_pipeline(inputs).diagnostics
    with pytest.raises(CompileError) as caught:
        compile_pipeline(inputs)
    assert caught.value.exit_code == 3
    return caught.value.diagnostics


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_does_not_compile_says_where_and_why(case):
    _, line, column = marked(case)
    found = found_in(case)
    first = found[0]
    assert [d.code for d in found] == case.get("codes", case.get("warnings"))
    assert first.severity == ("warning" if "warnings" in case else "error")
    assert first.place is not None
    assert (first.place.file, first.place.line, first.place.column) == (FILE, line, column)
    assert case.get("message", "") in first.message
    assert case.get("expected", "") in first.expected
    assert case.get("fix", "") in first.fix


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_finding_has_a_way_out_and_shows_its_line(case):
    text, _, _ = marked(case)
    for diagnostic in found_in(case):
        assert diagnostic.fix or diagnostic.expected
        assert diagnostic.place is not None
        hidden = case.get("hidden", ())
        assert diagnostic.source == text.splitlines()[diagnostic.place.line - 1] or hidden
        assert not any(secret in render([diagnostic]) for secret in hidden)

"""Every fault has one shape, one exit code, and a fingerprint that values do not change."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.codec import from_json, to_json
from osiris_dagster.errors import (
    AiopError,
    CompileError,
    ConfigError,
    Diagnostic,
    DriverError,
    ErrorInfo,
    Frame,
    OmlError,
    OsirisError,
    Place,
    RunError,
)

TEXT = st.text(max_size=20)
FRAMES = st.lists(st.builds(Frame, TEXT, st.integers(0), TEXT, st.booleans()), max_size=3).map(tuple)
INFOS = st.recursive(
    st.builds(ErrorInfo, TEXT, TEXT, TEXT, TEXT, st.sampled_from(["transient", "permanent", "ambiguous"]), FRAMES),
    lambda cause: st.builds(ErrorInfo, type=TEXT, message=TEXT, cause=cause),
    max_leaves=3,
)
BASE = ErrorInfo(
    "ValueError", "row 7 of '/data/a.csv'", "DRV010", frames=(Frame("osiris_dagster/x.py", 5, "f", in_project=True),)
)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (OsirisError, 1),
        (OmlError, 2),
        (CompileError, 3),
        (RunError, 4),
        (DriverError, 4),
        (ConfigError, 5),
        (AiopError, 1),
    ],
)
def test_every_stage_has_an_exit_code_and_a_diagnostic(kind, exit_code):
    error = kind("it broke", found="this", expected="that", fix="do so", place=Place("a.yaml", 3, 7), path="steps[0]")
    assert error.exit_code == exit_code
    assert error.diagnostics == (error.first,)
    assert error.first == Diagnostic(
        kind.code, "it broke", found="this", expected="that", fix="do so", place=Place("a.yaml", 3, 7), path="steps[0]"
    )
    assert str(error) == f"{kind.code} it broke (do so)"


def test_diagnostics_that_are_given_are_the_ones_told():
    found = (Diagnostic("X1", "first"), Diagnostic("X2", "second"))
    error = CompileError("both", diagnostics=iter(found))
    assert error.diagnostics == found
    assert str(error) == "X1 first"


def test_a_driver_error_knows_whether_to_try_again():
    assert DriverError("gone", retryable="transient").retryable == "transient"
    assert DriverError("wrong").retryable == "permanent"


def test_a_diagnostic_leaves_out_what_it_does_not_know():
    assert Diagnostic("A1", "wrong").as_dict() == {
        "code": "A1",
        "severity": "error",
        "message": "wrong",
        "doc": "docs/reference/diagnostics.md#a1",
    }
    placed = Diagnostic("A1", "wrong", "warning", Place("p.yaml", 2, 3), found="x", source="  x")
    assert (
        placed.as_dict() | {"file": "p.yaml", "line": 2, "column": 3, "found": "x", "source": "  x"} == placed.as_dict()
    )
    assert str(placed.place) == "p.yaml:2:3"


@given(INFOS)
def test_a_recorded_error_comes_back(info):
    assert from_json(ErrorInfo, json.loads(json.dumps(to_json(info)))) == info
    assert info.chain[0] == replace(info, cause=None)


@given(st.integers(0), st.text("abc/._-", min_size=1, max_size=9), st.integers(0, 10**6))
def test_the_fingerprint_does_not_change_with_values_paths_and_lines(number, name, line):
    frame = Frame("osiris_dagster/x.py", line, "f", in_project=True)
    assert replace(BASE, message=f"row {number} of '{name}'", frames=(frame,)).fingerprint == BASE.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, type="TypeError"),
        replace(BASE, code="DRV011"),
        replace(BASE, message="column 7 of 'a'"),
        replace(BASE, cause=ErrorInfo("KeyError", "x")),
        replace(BASE, frames=(Frame("osiris_dagster/x.py", 5, "g", in_project=True),)),
    ],
)
def test_the_fingerprint_changes_with_the_kind_of_the_error(other):
    assert other.fingerprint != BASE.fingerprint


def test_frames_of_libraries_do_not_change_the_fingerprint():
    assert replace(BASE, frames=(*BASE.frames, Frame("duckdb/x.py", 1, "run"))).fingerprint == BASE.fingerprint

"""What is said about a pipeline that could never start, or never be fresh."""

from __future__ import annotations

import pytest

from osiris_dagster.errors import CompileError
from tests.compiler.compiling import compiled

READS = """\
oml_version: "0.2.0"
name: p
{block}
steps:
  - {{id: rows, component: filesystem.csv_extractor, mode: read, config: {{path: in/rows.csv}}}}
"""
READS_NOTHING = """\
oml_version: "0.2.0"
name: p
{block}
steps:
  - {{id: one, component: duckdb.processor, mode: transform, config: {{query: select 1 as x}}}}
"""


def test_a_pipeline_that_waits_for_updates_of_nothing_is_warned_of():
    (found,) = compiled(READS_NOTHING.format(block="schedule: {on: update}")).diagnostics
    assert (found.code, found.severity, found.place.line, found.place.column) == ("CMP100", "warning", 3, 16)
    assert compiled(READS.format(block="schedule: {on: update}")).diagnostics == ()
    assert compiled(READS_NOTHING.format(block='schedule: "0 3 * * *"')).diagnostics == ()


def test_a_freshness_below_a_minute_is_refused_where_it_stands():
    with pytest.raises(CompileError) as refused:
        compiled(READS.format(block="freshness: {max_lag: 59s}"))
    (found,) = refused.value.diagnostics
    assert (found.code, found.place.line, found.place.column) == ("CMP101", 3, 22)
    assert compiled(READS.format(block="freshness: {max_lag: 1m}")).manifest.freshness.max_lag == "1m"

"""Whatever comes in, `validate` answers: never an exception, and what it says is well formed."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.render import render
from osiris_dagster.oml.rules import RULES
from osiris_dagster.oml.validate import validate
from tests.sampling import examples

GOOD = """\
oml_version: "0.2.0"
name: orders-daily
owners: [data@example.com]
tags: {domain: sales}
schedule: {cron: "15 3 * * *", timezone: Europe/Prague}
partitions: {type: daily, start: "2025-01-01", column: day}
freshness: {max_lag: 26h}
concurrency: warehouse
execution: {isolation: pipeline, target: local, checkpoint: auto}
params: {min_amount: {default: 10}}
profiles: {dev: {params: {min_amount: 1}}}
metadata: {intent: know what sells}
steps:
  - id: orders
    component: demo.extractor
    mode: read
    description: One day of orders
    retry: {attempts: 3, delay: 30, on: [transient]}
    timeout: 600
    incremental: {cursor: updated_at, initial: "2025-01-01T00:00:00", lookback: 1h}
    columns: [{name: id, type: int64}, {name: amount, type: "decimal(12,2)", nullable: false}]
    checks:
      - {type: not_null, column: id}
      - {type: sql, name: no_future, query: "select * from this", severity: warn}
    config: {connection: "@demo.shop", password: hunter2, query: "amount > ${params.min_amount}", headers: {a: b}}
  - {id: sum, component: duckdb.processor, mode: transform, config: {query: from df_orders, threads: 2}}
  - {id: out, component: demo.writer, mode: write, needs: [sum], config: {table: t, write_mode: append}}
"""
CODES = {rule.code for rule in RULES}
FACTS = (ConnectionFacts("demo", "shop"),)
SETTINGS = settings(
    max_examples=examples(200),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def answer(text, catalogue) -> None:
    for mode in ("strict", "warn", "off"):
        result = validate(text, "a.yaml", catalogue, connections=FACTS, mode=mode)
        for finding in result.diagnostics:
            assert finding.code in CODES
            assert finding.message
            assert finding.place.line >= 1
            assert finding.place.column >= 1
            assert finding.place.length >= 1
        assert (result.pipeline is None) == bool(result.errors)
        json.dumps([finding.as_dict() for finding in result.diagnostics])
        assert "\x1b" not in render(result.diagnostics)


@pytest.mark.matrix
@SETTINGS
@given(text=st.text(max_size=200))
def test_any_text_is_answered(text, catalogue):
    answer(text, catalogue)


@pytest.mark.matrix
@SETTINGS
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(data, catalogue):
    answer(data, catalogue)


@pytest.mark.matrix
@SETTINGS
@given(text=st.text("ab:-{}[],&*!|>'\"%@#\n\t ?<\r~0.", max_size=120))
def test_any_punctuation_is_answered(text, catalogue):
    answer(text, catalogue)


KEYS = st.sampled_from(
    """oml_version name steps id component mode needs config params profiles schedule partitions owners tags freshness
    execution concurrency retry timeout checks columns incremental type column keys start end cron on metadata password
    default connection query path headers values min max cursor x""".split()
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        """0.1.0 0.2.0 read write transform duckdb.processor demo.extractor demo.writer demo.file_reader @demo.shop
        ${params.x} ${partition.key} a/b .. daily static 26h not_null sql range int64 update UTC a b""".split()
    )
    | st.text(max_size=8)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


@pytest.mark.matrix
@SETTINGS
@given(value=st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_document_of_known_words_is_answered(value, catalogue):
    answer(json.dumps({"oml_version": "0.2.0", "name": "a", **value}), catalogue)


COMPONENTS = st.sampled_from(["duckdb.processor", "demo.extractor", "demo.writer", "demo.file_reader"])
PARTS = {
    "id": st.sampled_from("abc") | SCALARS,
    "component": COMPONENTS | SCALARS,
    "mode": st.sampled_from(["read", "write", "transform"]) | SCALARS,
    "needs": st.lists(st.sampled_from("abcd") | SCALARS, max_size=3) | SCALARS,
    **dict.fromkeys(["config", "checks", "columns", "retry", "incremental", "timeout"], VALUES),
}
STEPS = st.lists(st.fixed_dictionaries({}, optional=PARTS), max_size=4)


@pytest.mark.matrix
@SETTINGS
@given(steps=STEPS, version=st.sampled_from(["0.1.0", "0.2.0"]))
def test_any_steps_are_answered(steps, version, catalogue):
    answer(json.dumps({"oml_version": version, "name": "a", "steps": steps}), catalogue)


@pytest.mark.matrix
@SETTINGS
@given(data=st.data())
def test_a_good_document_with_damage_is_answered_and_keeps_its_secret(data, catalogue):
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 6, len(text))))
        text = (
            text[:start]
            + data.draw(st.sampled_from(["", " ", "\n", ":", "- ", "{", "}", "'", '"', "x", "\t"]))
            + text[end:]
        )
    answer(text, catalogue)
    if "password: hunter2," in text:
        result = validate(text, "a.yaml", catalogue, connections=FACTS)
        assert "hunter2" not in render(result.diagnostics)
        assert all("hunter2" not in str(finding.as_dict()) for finding in result.diagnostics)


@pytest.mark.matrix
@SETTINGS
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(GOOD)), st.sampled_from(["", "x", "s", " ", "\n", ":", "_", "-"])), max_size=4
    )
)
def test_fixing_is_done_once_and_never_makes_a_text_worse(cuts, catalogue):
    text = GOOD
    for at, part in cuts:
        text = text[:at] + part + text[at + (not part) :]
    first = validate(text, "a.yaml", catalogue, connections=FACTS)

    def check(changed):
        return validate(changed, "a.yaml", catalogue, connections=FACTS)

    done = fix(first, check)

    assert fix(done.validation, check).mended == ()
    assert done.validation.document.text == done.text
    assert done.validation.document.whole or not first.document.whole
    assert (done.text == text) == (done.mended == ())
    if first.document.whole and not first.document.faults:
        before = {(finding.code, finding.path) for finding in done.mended}
        assert not before & {(finding.code, finding.path) for finding in done.validation.errors}

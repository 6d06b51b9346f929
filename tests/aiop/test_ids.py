from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_dagster.aiop.model.ids import (
    EVIDENCE_ID,
    IRI,
    component_iri,
    connection_iri,
    dataset_iri,
    distinct_slugs,
    names_of,
    run_fingerprint,
    unique_slugs,
)

HASH = "a" * 64
HOSTILE = ["a.b[c] d/e", "_run", "A b", "a-b-a760b0e1", "", "../..", "x" * 500, "Ünï", "`|`\n"]


def test_one_run_has_one_fingerprint_and_another_has_another():
    one = run_fingerprint("run", HASH, 1)
    assert re.fullmatch("[0-9a-f]{32}", one)
    assert one == run_fingerprint("run", HASH, 1)
    assert (
        len({one, run_fingerprint("run", HASH, 2), run_fingerprint("other", HASH, 1), run_fingerprint("run", "b", 1)})
        == 4
    )


@given(st.lists(st.text(), unique=True))
def test_no_two_steps_share_an_id(step_ids):
    names = names_of("p", step_ids, "r", HASH, 1)
    ids = [names.step(step_id) for step_id in step_ids]
    assert len(set(ids)) == len(ids)
    assert names.run not in ids
    assert "p:step/_run" not in ids


@given(st.lists(st.tuples(st.sampled_from(["", *HOSTILE]), st.text(), st.integers(-5, 10**15))))
def test_evidence_ids_obey_the_grammar_and_never_meet(items):
    names = names_of("p", HOSTILE, "r", HASH, 1)
    known = [(step_id if step_id in names.slugs else "", name, ms) for step_id, name, ms in items]
    ids = names.evidence("event", known)
    assert len(set(ids)) == len(items)
    assert all(EVIDENCE_ID.fullmatch(name.removeprefix("r:evidence/")) for name in ids)


def test_evidence_of_the_same_millisecond_is_numbered():
    names = names_of("p", ["a"], "r", HASH, 1)
    ids = names.evidence(
        "event", [("a", "log", 1768445700000), ("a", "log-2", 1768445700000), ("a", "log", 1768445700000)]
    )
    assert [name.removeprefix("r:evidence/") for name in ids] == [
        "ev.event.a.log.1768445700000",
        "ev.event.a.log-2.1768445700000",
        "ev.event.a.log-3.1768445700000",
    ]


def test_a_kind_of_evidence_that_nobody_knows_is_refused():
    with pytest.raises(Exception, match="breaks the grammar"):
        names_of("p", [], "r", HASH, 1).evidence("rumour", [("", "x", 1)])


@given(st.lists(st.text()))
def test_slugs_in_order_are_distinct(names):
    slugs = distinct_slugs(names)
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch("[a-z0-9_-]+", name) for name in slugs)


def test_a_step_called_like_the_run_level_keeps_away_from_it():
    assert unique_slugs(["_run"]) == {"_run": "_run-2"}


@given(st.lists(st.text(), min_size=1))
def test_the_iri_of_a_dataset_is_legal_and_short_whatever_its_key(key):
    iri = dataset_iri(key)
    assert IRI.fullmatch(iri)
    assert len(iri) <= 300


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "b"), ("a/b",)), (("a.b",), ("a", "b")), (("A",), ("a",)), (("x" * 400,), ("x" * 401,))]
)
def test_different_datasets_have_different_iris(one, other):
    assert dataset_iri(one) != dataset_iri(other)


@pytest.mark.parametrize(
    ("iri", "expected"),
    [
        (component_iri("duckdb.extractor", "2.0.0"), "osiris://component/duckdb.extractor@2.0.0"),
        (connection_iri("@duckdb.ops"), "osiris://connection/duckdb/ops"),
        (dataset_iri(("duckdb", "ops", "main", "t")), "osiris://dataset/duckdb/ops/main/t"),
        (dataset_iri(("file", "data", "x.csv")), "osiris://dataset/file/data/x.csv"),
    ],
)
def test_ordinary_names_stay_readable(iri, expected):
    assert iri == expected
    assert IRI.fullmatch(iri)


def test_a_pipeline_called_latest_does_not_take_the_place_of_the_pointer():
    assert names_of("latest", [], "r", HASH, 1).folder.startswith("latest-")
    assert names_of("orders", [], "r", HASH, 1).folder == "orders"

"""What a run left against the package and the card that must come out of it; rewrite with rewrite_golden.py."""

from __future__ import annotations

import json

import pytest
import rfc8785
from cases import CASES, GOLDEN, built, card

from osiris_dagster.aiop.gates.document import nodes
from osiris_dagster.aiop.gates.judge import judge
from osiris_dagster.aiop.model.context import CONTEXT
from osiris_dagster.canonical import canonical_json


@pytest.mark.parametrize("case", CASES)
def test_a_run_gives_the_golden_package_and_card(case):
    package = built(case)
    expected = (GOLDEN / case / "core.jsonld").read_text(encoding="utf-8")
    assert package.core == canonical_json(json.loads(expected))
    assert card(package) == (GOLDEN / case / "run-card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_golden_package_passes_all_gates(case):
    verdict = judge(built(case).core)
    assert verdict.reasons == ()
    assert verdict.valid
    assert verdict.triples > 200


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_are_canonical_by_an_independent_implementation(case):
    core = built(case).core
    assert rfc8785.dumps(json.loads(core)) == core


def test_the_cases_cover_every_kind_of_run():
    ended = {case: json.loads(built(case).core)["run"]["status"] for case in CASES}
    assert set(ended.values()) == {"completed", "failed", "canceled"}
    assert {"empty", "hostile", "run-level-failure"} <= ended.keys()


def test_every_term_of_the_context_is_used():
    used = {"@id", "@type", "@context"}
    for case in CASES:
        for node in nodes(json.loads(built(case).core)):
            used |= node.keys() | set(node["@type"])
    terms = {
        name
        for name, rule in CONTEXT.items()
        if not name.startswith("@") and not (isinstance(rule, dict) and rule.get("@prefix"))
    }
    assert terms - used == set()
    prefixes = {name.partition(":")[0] for name in json.dumps(CONTEXT).replace('"', " ").split() if ":" in name}
    declared = {name for name, rule in CONTEXT.items() if isinstance(rule, dict) and rule.get("@prefix")}
    assert declared - prefixes - {kind.partition(":")[0] for kind in used if ":" in kind} == set()

"""Every gate refuses the documents it is there to refuse: mutants of golden packages, as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases import CASES, built

from osiris_dagster.aiop.gates.document import Document
from osiris_dagster.aiop.gates.judge import GATES, ask, judge
from osiris_dagster.canonical import canonical_json

MUTANTS = json.loads((Path(__file__).parent / "mutants.json").read_text(encoding="utf-8"))
CORES = {case: built(case).core for case in CASES}


def mutated(mutant: dict) -> bytes:
    core = CORES[mutant["base"]]
    if "bytes" in mutant:
        return bytes.fromhex(mutant["bytes"])
    if "replace" in mutant:
        old, new = (part.encode() for part in mutant["replace"])
        assert core.count(old) == 1
        return core.replace(old, new)
    value = json.loads(core)
    for path, new in mutant.get("set", {}).items():
        where, key = find(value, path)
        where[key] = new
    for path in mutant.get("delete", []):
        where, key = find(value, path)
        del where[key]
    for source, target in mutant.get("copy", {}).items():
        where, key = find(value, source)
        there, index = find(value, target)
        there[index] = where[key]
    changed = canonical_json(value)
    assert changed != core
    return changed


def find(value, path: str):
    *parents, last = path.split("/")[1:]
    for part in parents:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value, int(last) if isinstance(value, list) else last


@pytest.mark.parametrize(
    ("gate", "mutant"),
    [pytest.param(gate, mutant, id=f"{gate}: {mutant['name']}") for gate, group in MUTANTS.items() for mutant in group],
)
def test_a_mutant_is_caught_by_its_gate(gate, mutant):
    core = mutated(mutant)
    assert ask(dict(GATES)[gate], Document(core))
    verdict = judge(core)
    assert not verdict.valid
    assert verdict.reasons


def test_every_gate_has_mutants():
    assert list(MUTANTS) == [name for name, _ in GATES]


def test_no_gate_refuses_a_golden_package():
    for core in CORES.values():
        document = Document(core)
        assert {name: ask(gate, document) for name, gate in GATES} == {name: () for name, _ in GATES}


def test_a_document_without_foundations_is_not_shown_to_the_other_gates():
    verdict = judge(b'{"@context": "https://example.com/context.jsonld"}')
    assert verdict.not_asked == ("context", "expansion", "processors", "shapes", "references", "answers")
    assert verdict.as_dict()["valid"] is False
    assert verdict.graph_sha256 == ""


def test_a_core_beyond_the_limit_is_refused_however_valid():
    value = json.loads(CORES["success"])
    value["semantic"]["source"]["text"] = "x" * 300_000
    assert any("at most 300,000 are allowed" in reason for reason in judge(canonical_json(value)).reasons)


def test_the_graph_digest_survives_what_does_not_change_the_graph():
    value = json.loads(CORES["success"])
    value["narrative"]["claims"][0]["cites"].reverse()
    one, other = judge(CORES["success"]), judge(canonical_json(value))
    assert one.graph_sha256 == other.graph_sha256
    assert one.core_sha256 != other.core_sha256

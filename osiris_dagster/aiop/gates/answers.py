"""Gate 7, `answers`: the document survives expansion and compaction, and the graph answers the acceptance questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pyoxigraph
from pyld import jsonld

from osiris_dagster.aiop.gates.document import Document, oxigraph_triples, plain, refuse_network
from osiris_dagster.aiop.gates.expected import document_prefixes, resolve
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.gates.references import Plan
from osiris_dagster.aiop.model.context import CONTEXT
from osiris_dagster.canonical import canonical_json

Answer = set[tuple[str, ...]]
_ALWAYS_ANSWERED = ("how_did_it_end", "what_proves_the_story", "when_did_what_happen")


def answers_gate(document: Document) -> list[Finding]:
    """Find a round trip that changes the graph, and questions that the graph answers otherwise than the JSON."""
    found = []
    store = pyoxigraph.Store()
    store.extend(document.quads)
    if set(document.oxigraph_triples) != round_trip(document):
        found.append(Finding("expansion and compaction change the graph"))
    for name, expect in QUESTIONS.items():
        wanted, given = expect(document.value), ask(store, name)
        if wanted != given:
            found.append(Finding(f"the graph gives {len(given)} answers, the document has {len(wanted)}", name))
        if not given and name in _ALWAYS_ANSWERED:
            found.append(Finding("no answer", name))
    return found


def round_trip(document: Document) -> set[tuple[str, ...]]:
    """Return the triples of the document after PyLD expanded and compacted it and pyoxigraph expanded it again."""
    options = {"documentLoader": refuse_network, "skipExpansion": True}
    compacted = jsonld.compact(document.expanded[0], {"@context": document.value["@context"]}, options)
    again = canonical_json(compacted)
    return set(oxigraph_triples(pyoxigraph.parse(again, format=pyoxigraph.RdfFormat.JSON_LD)))


def ask(store: pyoxigraph.Store, name: str) -> Answer:
    """Return the answers to a packaged question, as plain text; literals come in their canonical form."""
    solutions = store.query(question(name))
    assert isinstance(solutions, pyoxigraph.QuerySolutions), "every packaged question is a SELECT"
    return {tuple(plain(term) for term in solution) for solution in solutions}


@cache
def question(name: str) -> str:
    """Return the SPARQL text of a packaged question."""
    return files("osiris_dagster.aiop.gates").joinpath("questions", f"{name}.rq").read_text(encoding="utf-8")


def _ended(value: Mapping[str, Any]) -> Answer:
    status = CONTEXT["status"]["@context"][value["run"]["status"]]
    return {(value["pipeline"]["name"], _full(value, status))}


def _failed_first(value: Mapping[str, Any]) -> Answer:
    first = value["run"].get("first_failure")
    issues = [issue for issue in value["evidence"].get("issues", []) if issue["about"] == first]
    return {(run["step_id"], issue["error_type"]) for run in _runs(value) if run["@id"] == first for issue in issues}


def _rows(value: Mapping[str, Any]) -> Answer:
    return {
        (run["step_id"], str(metric["value"]))
        for run in _runs(value)
        for metric in run.get("metrics", [])
        if metric["metric_name"] == "rows_out"
    }


def _written(value: Mapping[str, Any]) -> Answer:
    return set(_pairs(value, "produces"))


def _used(value: Mapping[str, Any]) -> Answer:
    return set(_pairs(value, "consumes"))


def _dependents(value: Mapping[str, Any]) -> Answer:
    plan, first = Plan(value), value["run"].get("first_failure")
    failed = [run["executes"] for run in _runs(value) if run["@id"] == first]
    return {(plan.step_ids[name],) for step in failed for name in plan.dependents(step)}


def _proofs(value: Mapping[str, Any]) -> Answer:
    claims = value["narrative"]["claims"]
    return {(claim["topic"], _full(value, cited)) for claim in claims for cited in claim["cites"]}


def _happened(value: Mapping[str, Any]) -> Answer:
    timeline = value["evidence"]["timeline"]
    return {(str(event["seq"]), event["type"], canonical_instant(event["ts"])) for event in timeline}


def _origins(value: Mapping[str, Any]) -> Answer:
    columns = {
        column["@id"]: column for step in value["semantic"].get("steps", []) for column in step.get("columns", [])
    }
    answer: Answer = set()
    for name in columns:
        reached, front = {name}, {name}
        while front:
            front = {before for at in front for before in columns[at].get("derived_from", [])} - reached
            reached |= front
        sources = (source for at in reached for source in columns[at].get("read_from", []))
        answer |= {(_full(value, name), source["dataset"]) for source in sources}
    return answer


def _changed(value: Mapping[str, Any]) -> Answer:
    return {(change["pointer"], change["operation"]) for change in value["delta"].get("changes", [])}


def _seen(value: Mapping[str, Any]) -> Answer:
    issues = value["evidence"].get("issues", [])
    return {(i["fingerprint"], str(i["occurrences"]), canonical_instant(i["first_seen"])) for i in issues}


def canonical_instant(text: str) -> str:
    """Return an instant in the canonical form of xsd:dateTime.

    >>> canonical_instant("2026-01-15T02:55:01.510Z"), canonical_instant("2026-01-15T02:55:00.000Z")
    ('2026-01-15T02:55:01.51Z', '2026-01-15T02:55:00Z')
    """
    return text.removesuffix("Z").rstrip("0").rstrip(".") + "Z"


def _runs(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(value["evidence"].get("step_runs", []))


def _pairs(value: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    for run in _runs(value):
        for item in run.get(key, []):
            yield _full(value, run["@id"]), _full(value, item["@id"] if isinstance(item, dict) else item)


def _full(value: Mapping[str, Any], name: str) -> str:
    return resolve(name, document_prefixes(dict(value)))


QUESTIONS: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
    "how_did_it_end": _ended,
    "what_failed_first": _failed_first,
    "how_many_rows": _rows,
    "what_was_written": _written,
    "what_was_used": _used,
    "what_depends_on_the_failure": _dependents,
    "what_proves_the_story": _proofs,
    "where_do_columns_come_from": _origins,
    "what_changed": _changed,
    "was_it_seen_before": _seen,
    "when_did_what_happen": _happened,
}
"""The acceptance questions by the name of their file, each with its answer worked out from the JSON."""

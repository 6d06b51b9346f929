"""Gate 3, `expansion`: JSON-LD expansion drops nothing, and rdflib sees exactly what the JSON says."""

from __future__ import annotations

from collections import Counter

from osiris_dagster.aiop.gates.document import Document, Triple
from osiris_dagster.aiop.gates.expected import expected_triples
from osiris_dagster.aiop.gates.finding import Finding

_SHOWN = 5


def expansion_gate(document: Document) -> list[Finding]:
    """Find properties that expansion drops, values that merge with others, and triples too few or too many."""
    _, dropped = document.expanded
    found = [Finding(f"expansion drops the property {name}") for name in dropped]
    stated = Counter(expected_triples(document.value))
    merged = [triple for triple, times in stated.items() if times > 1]
    found += [Finding("the same statement twice: one of them is lost in a graph", show(t)) for t in merged[:_SHOWN]]
    seen = set(document.rdflib_triples)
    if len(seen) != len(stated):
        found.append(Finding(f"the document makes {len(stated):,} statements, rdflib finds {len(seen):,}"))
    found += [Finding("rdflib does not find", show(triple)) for triple in sorted(set(stated) - seen)[:_SHOWN]]
    found += [Finding("rdflib finds in addition", show(triple)) for triple in sorted(seen - set(stated))[:_SHOWN]]
    return found


def show(triple: Triple) -> str:
    """Return a triple as one short line."""
    text = f"{triple.subject} {triple.predicate} {triple.object}"
    return text if len(text) <= 300 else text[:299] + "…"

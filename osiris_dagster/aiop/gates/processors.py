"""Gate 4, `processors`: rdflib and pyoxigraph read the same graph; no blank node; every IRI obeys the grammar."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.aiop.gates.document import Document, Triple
from osiris_dagster.aiop.gates.expansion import show
from osiris_dagster.aiop.gates.expected import PREFIXES, RDF_TYPE, resolve
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.model.context import CONTEXT
from osiris_dagster.aiop.model.ids import IRI

_SHOWN = 5
_PREDICATES = {RDF_TYPE} | {
    resolve(rule if isinstance(rule, str) else rule["@id"], PREFIXES)
    for name, rule in CONTEXT.items()
    if not name.startswith("@") and name not in PREFIXES
}


def processors_gate(document: Document) -> list[Finding]:
    """Find where two processors differ, blank nodes, and IRIs outside the grammar and the vocabularies."""
    one, other = set(document.rdflib_triples), set(document.oxigraph_triples)
    found = [Finding("only rdflib reads", show(triple)) for triple in sorted(one - other)[:_SHOWN]]
    found += [Finding("only pyoxigraph reads", show(triple)) for triple in sorted(other - one)[:_SHOWN]]
    return found + list(_illegal(other))


def _illegal(triples: set[Triple]) -> Iterator[Finding]:
    if any(triple.kind.startswith("_:") or triple.subject.startswith("_:") for triple in triples):
        yield Finding("the graph has blank nodes")
    for predicate in sorted({triple.predicate for triple in triples} - _PREDICATES)[:_SHOWN]:
        yield Finding("a predicate that is no term of the context", predicate)
    subjects = {triple.subject for triple in triples}
    for subject in sorted(iri for iri in subjects if not IRI.fullmatch(iri))[:_SHOWN]:
        yield Finding("an id outside the grammar", subject)
    targets = {t.object for t in triples if t.kind == "@id"} - subjects
    spaces = tuple(PREFIXES.values())
    for target in sorted(iri for iri in targets if not iri.startswith(spaces) and not IRI.fullmatch(iri))[:_SHOWN]:
        yield Finding("a reference outside the grammar and the vocabularies", target)

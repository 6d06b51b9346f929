"""Gate 5, `shapes`: the graph conforms to the SHACL shapes, and the shapes had something to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import pyshacl
import rdflib
from rdflib.namespace import RDF, SH

from osiris_dagster.aiop.gates.document import Document, nodes
from osiris_dagster.aiop.gates.expected import PREFIXES
from osiris_dagster.aiop.gates.finding import Finding

MINIMUM = {
    "AIOperationPackage": 1,
    "Run": 1,
    "Pipeline": 1,
    "Claim": 4,
    "Event": 2,
    "Metric": 4,
    "Capability": 1,
    "MetadataLayer": 1,
}
"""Fewest nodes of a kind in any package: an empty graph conforms to every shape."""

_SHOWN = 10


def shapes_gate(document: Document) -> list[Finding]:
    """Find nodes that break a shape, kinds that are missing, and kinds that the graph has fewer of than the JSON."""
    found = list(_vacuous(document))
    conforms, report, _ = pyshacl.validate(document.graph, shacl_graph=shapes(), inference="none")
    return found if conforms else found + list(_violations(report))


@cache
def shapes() -> rdflib.Graph:
    """Return the packaged shapes."""
    return rdflib.Graph().parse(
        data=files("osiris_dagster.aiop.gates").joinpath("shapes.ttl").read_bytes(), format="turtle"
    )


def _vacuous(document: Document) -> Iterator[Finding]:
    declared = Counter(node["@type"][0] for node in nodes(document.value) if node.get("@type"))
    kept = document.value.get("pipeline", {}).get("step_count", 0)
    for kind, least in {**MINIMUM, "Step": min(kept, 1)}.items():
        if declared[kind] < least:
            yield Finding(f"{declared[kind]} of {kind}, expected at least {least}")
    for kind, count in sorted(declared.items()):
        seen = len(set(document.graph.subjects(RDF.type, rdflib.URIRef(PREFIXES["aiop"] + kind))))
        if seen != count:
            yield Finding(f"the JSON has {count} of {kind}, the graph {seen}")


def _violations(report: rdflib.Graph) -> Iterator[Finding]:
    results = sorted(report.subjects(RDF.type, SH.ValidationResult), key=lambda result: _order(report, result))
    for result in results[:_SHOWN]:
        path = report.value(result, SH.resultPath)
        message = report.value(result, SH.resultMessage)
        yield Finding(f"{path or 'node'}: {message}", str(report.value(result, SH.focusNode)))


def _order(report: rdflib.Graph, result: rdflib.term.Node) -> tuple[str, ...]:
    return tuple(str(report.value(result, part)) for part in (SH.focusNode, SH.resultPath, SH.resultMessage))

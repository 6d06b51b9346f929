"""The verdict on a core document: seven gates in a fixed order, none of which may touch the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph

from osiris_dagster.aiop.gates.answers import answers_gate
from osiris_dagster.aiop.gates.context import context_gate
from osiris_dagster.aiop.gates.document import Document
from osiris_dagster.aiop.gates.expansion import expansion_gate
from osiris_dagster.aiop.gates.finding import Finding, Gate
from osiris_dagster.aiop.gates.processors import processors_gate
from osiris_dagster.aiop.gates.references import references_gate
from osiris_dagster.aiop.gates.schema import schema_gate
from osiris_dagster.aiop.gates.shapes import shapes_gate
from osiris_dagster.canonical import sha256

GATES: tuple[tuple[str, Gate], ...] = (
    ("schema", schema_gate),
    ("context", context_gate),
    ("expansion", expansion_gate),
    ("processors", processors_gate),
    ("shapes", shapes_gate),
    ("references", references_gate),
    ("answers", answers_gate),
)
_FOUNDATIONS = ("schema", "context")
"""Without these the document is not what the other gates take it for; they are then not asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said: findings by gate, gates that were not asked, and the digests of what was judged."""

    findings: dict[str, tuple[Finding, ...]]
    not_asked: tuple[str, ...] = ()
    core_sha256: str = ""
    graph_sha256: str = ""  # over sorted N-Triples; empty when there is no valid graph
    triples: int = 0

    @property
    def valid(self) -> bool:
        """Whether every gate was asked and found nothing."""
        return not self.not_asked and not any(self.findings.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every finding as one line."""
        return tuple(f"{gate}: {finding.line}" for gate, findings in self.findings.items() for finding in findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "valid": self.valid,
            "core_sha256": self.core_sha256,
            "graph_sha256": self.graph_sha256,
            "triples": self.triples,
            "gates": [
                {"gate": gate, "passed": not findings, "findings": [_finding_dict(finding) for finding in findings]}
                for gate, findings in self.findings.items()
            ],
            "not_asked": list(self.not_asked),
        }


def judge(core: bytes, folder: Path | None = None) -> Verdict:
    """Put a core document through the gates, its annex below `folder` too; never raises for a bad document."""
    document = Document(core, folder)
    findings: dict[str, tuple[Finding, ...]] = {}
    for name, gate in GATES:
        findings[name] = ask(gate, document)
        if findings[name] and name in _FOUNDATIONS:
            break
    not_asked = tuple(name for name, _ in GATES if name not in findings)
    if not_asked or findings["processors"]:
        return Verdict(findings, not_asked, sha256(core))
    return Verdict(findings, not_asked, sha256(core), graph_sha256(document), len(document.oxigraph_triples))


def graph_sha256(document: Document) -> str:
    """Return the digest of the graph: of its N-Triples, sorted. Any processor that reads the graph can compute it."""
    lines = pyoxigraph.serialize((quad.triple for quad in document.quads), format=pyoxigraph.RdfFormat.N_TRIPLES)
    return sha256(b"".join(sorted((lines or b"").splitlines(keepends=True))))


def ask(gate: Gate, document: Document) -> tuple[Finding, ...]:
    """Return what one gate finds; that the document breaks it is a finding too."""
    try:
        return tuple(gate(document))
    except Exception as error:  # noqa: BLE001 - a document that breaks a processor is refused, whatever breaks
        return (Finding(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"),)


def _finding_dict(finding: Finding) -> dict[str, str]:
    return {"message": finding.message, **({"where": finding.where} if finding.where else {})}

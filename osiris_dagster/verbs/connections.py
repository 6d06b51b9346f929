"""The project's connections, without a secret: what they are for, and whether they answer."""

from __future__ import annotations

from osiris_dagster.codec import to_json
from osiris_dagster.connections.doctor import Asking, probe_all
from osiris_dagster.connections.project import connections_of
from osiris_dagster.drivers.inspection import Category, Probe
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import NOT_CONFIGURED, OK, Outcome, table

_CODES: dict[Category, str] = {
    "configuration": "CFG060",
    "not_found": "CFG061",
    "network": "CFG062",
    "timeout": "CFG063",
    "auth": "CFG064",
    "permission": "CFG065",
    "busy": "CFG066",
    "unsupported": "CFG067",
    "unknown": "CFG068",
}


def list_all(asked: Asked) -> Outcome:
    """List every alias with what it is for; values of fields are not shown."""
    facts = connections_of(asked.project, asked.settings).facts
    data = [
        {
            "reference": f.reference,
            "family": f.family,
            "alias": f.alias,
            "default": f.default,
            "description": f.description,
            "purpose": f.purpose,
            "sla": f.sla,
            "identity": f.identity,
            "fields": list(f.fields),
        }
        for f in facts
    ]
    rows = [(f.reference, "default" if f.default else "", f.description, ", ".join(f.fields)) for f in facts]
    text = table(rows, ("connection", "", "description", "fields")) if rows else "no connections"
    return Outcome({"connections": data}, text)


def doctor(asked: Asked, *, references: tuple[str, ...] = (), timeout: int = 5) -> Outcome:
    """Ask each connection, or those that are named, whether it answers; exit code 5 when one does not."""
    catalogue = load_catalogue()
    known = connections_of(asked.project, asked.settings, catalogue)
    facts = tuple(known.find(reference) for reference in references) or known.facts
    probes = probe_all(Asking(asked.project, known, catalogue, timeout), facts)
    found = [_diagnostic(one, probe) for one, probe in zip(facts, probes, strict=True) if not probe.ok]
    data = [
        {"reference": one.reference, "family": one.family, "alias": one.alias, **to_json(probe)}
        for one, probe in zip(facts, probes, strict=True)
    ]
    code = NOT_CONFIGURED if any(finding.severity == "error" for finding in found) else OK
    return Outcome({"connections": data}, _text(facts, probes), code, tuple(found))


def _diagnostic(facts: ConnectionFacts, probe: Probe) -> Diagnostic:
    """Return the finding on a connection that is not fine; that nobody can ask it is no fault of its own."""
    return Diagnostic(
        _CODES[probe.category],
        f"{facts.reference}: {probe.message}",
        severity="warning" if probe.category == "unsupported" else "error",
        path=f"connections.{facts.family}.{facts.alias}",
        fix=probe.fix,
    )


def _text(facts: tuple[ConnectionFacts, ...], probes: list[Probe]) -> str:
    if not facts:
        return "no connections"
    lines = table([_row(*pair) for pair in zip(facts, probes, strict=True)], ("connection", "", "latency", "server"))
    told: list[str] = []
    for one, probe in zip(facts, probes, strict=True):
        if probe.message:
            code = "" if probe.ok else f"{_CODES[probe.category]} "
            told.append(f"{code}{one.reference}: {probe.message}" + (f"\n  fix: {probe.fix}" if probe.fix else ""))
    return "\n\n".join([lines, *(["\n".join(told)] if told else [])])


def _row(facts: ConnectionFacts, probe: Probe) -> tuple[str, str, str, str]:
    latency = "" if probe.latency_ms is None else f"{probe.latency_ms:g} ms"
    return facts.reference, probe.category.replace("_", " "), latency, probe.server

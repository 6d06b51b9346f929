"""The project's connections, without a secret."""

from __future__ import annotations

from osiris_dagster.settings import connections_of
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome, table


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

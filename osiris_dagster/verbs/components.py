"""The catalogue of components, listed and shown."""

from __future__ import annotations

from typing import Any

import yaml

from osiris_dagster.canonical import readable_json
from osiris_dagster.errors import OmlError
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome, table


def list_all(asked: Asked) -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """List every component with its mode and capabilities."""
    specs = list(load_catalogue())
    data = [
        {
            "name": spec.name,
            "version": spec.version,
            "title": spec.title,
            "mode": spec.mode,
            "capabilities": sorted(spec.capabilities),
        }
        for spec in specs
    ]
    rows = [(s.name, s.version, s.mode, ", ".join(sorted(s.capabilities)), s.title) for s in specs]
    text = table(rows, ("component", "version", "mode", "capabilities", "what it does"))
    return Outcome({"components": data}, text)


def show(asked: Asked, *, name: str, format: str = "yaml") -> Outcome:  # noqa: A002, ARG001 - the option's name
    """Show one spec; exit code 2 for a component that does not exist."""
    catalogue = load_catalogue()
    spec = catalogue.get(name)
    if spec is None:
        raise OmlError(
            f"there is no component {name!r}",
            code="OML036",
            found=name,
            expected=f"one of: {', '.join(catalogue.names)}",
            fix=did_you_mean(name, catalogue.names) or "see `osiris components list`",
        )
    data = _as_dict(spec)
    text = readable_json(data) if format == "json" else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return Outcome({"spec": data}, text.rstrip("\n"))


def _as_dict(spec: ComponentSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "version": spec.version,
        "title": spec.title,
        "description": spec.description,
        "mode": spec.mode,
        "role": spec.role,
        "capabilities": sorted(spec.capabilities),
        "connection": spec.connection,
        "connection_fields": dict(spec.connection_fields),
        "secrets": list(spec.secrets),
        "config_schema": dict(spec.config_schema),
        "constraints": [{"when": dict(c.when), "must": dict(c.must), "error": c.error} for c in spec.constraints],
        "examples": [{"title": e.title, "config": dict(e.config)} for e in spec.examples],
    }

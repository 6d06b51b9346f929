"""The catalogue of components, listed and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from osiris_dagster.canonical import readable_json
from osiris_dagster.errors import Diagnostic, OmlError
from osiris_dagster.oml.render import render
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.load import SPEC_FILE, components_folder, load_catalogue, place_name
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome, table


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


def lint(asked: Asked, *, name: str = "") -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """Check the specs of a component, a file or a folder; exit code 2 when one has a fault."""
    files = _spec_files(name)
    reports = []
    found: list[Diagnostic] = []
    for file in files:
        faults = lint_spec(file)
        reports.append({"file": place_name(file), "valid": not faults})
        found += faults
    lines = [render(found)] if found else []
    lines += [f"{report['file']}: {'valid' if report['valid'] else 'not valid'}" for report in reports]
    return Outcome({"specs": reports}, "\n".join(lines), INVALID if found else OK, tuple(found))


def _spec_files(name: str) -> list[Path]:
    """Return the spec files that a name stands for; OmlError when it stands for none."""
    path = Path(name)
    if not name:
        files = sorted(components_folder().glob(f"*/{SPEC_FILE}"))
    elif name in _names():
        files = [components_folder() / name / SPEC_FILE]
    elif path.is_dir():
        own = path / SPEC_FILE
        files = [own] if own.is_file() else sorted(path.glob(f"*/{SPEC_FILE}"))
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise OmlError(
            "there is no component spec under that name",
            code="CLI012",
            found=name,
            expected="a component of the catalogue, a spec file, or a folder of <component>/spec.yaml files",
            fix=did_you_mean(name, _names()) or "see `osiris components list`",
        )
    return [file.resolve() for file in files]


def _names() -> tuple[str, ...]:
    """Return the names of the shipped components; a spec that is broken counts, too."""
    return tuple(sorted(file.parent.name for file in components_folder().glob(f"*/{SPEC_FILE}")))


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

"""The catalogue of components, listed and shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from osiris_dagster import __version__
from osiris_dagster.canonical import readable_json
from osiris_dagster.codec import to_json
from osiris_dagster.errors import Diagnostic, OmlError
from osiris_dagster.oml.render import render
from osiris_dagster.specs.installed import installed_plugins
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.specs.model import ComponentSpec, Package
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.plugins import plugin_entries, spec_files
from osiris_dagster.specs.read import SPEC_FILE, components_folder, place_name
from osiris_dagster.specs.reference import reference
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome, table

_OWN = Package("osiris-dagster", __version__)


def list_all(asked: Asked) -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """List every component with its mode, its capabilities and the package it comes from.

    What an installed package should bring and does not is told by a warning.
    """
    catalogue = load_catalogue()
    specs = list(catalogue)
    data = [
        {
            "name": spec.name,
            "version": spec.version,
            "title": spec.title,
            "mode": spec.mode,
            "capabilities": sorted(spec.capabilities),
            "package": to_json(spec.package or _OWN),
        }
        for spec in specs
    ]
    rows = [
        (s.name, s.version, s.mode, ", ".join(sorted(s.capabilities)), str(s.package or _OWN), s.title) for s in specs
    ]
    text = table(rows, ("component", "version", "mode", "capabilities", "from", "what it does"))
    warned = tuple(replace(found.diagnostic, severity="warning") for found in catalogue.unusable)
    return Outcome({"components": data}, "\n\n".join([text, *([render(warned)] if warned else [])]), OK, warned)


def show(asked: Asked, *, name: str, format: str = "yaml") -> Outcome:  # noqa: A002, ARG001 - the option's name
    """Show one spec; exit code 2 for a component that does not exist."""
    catalogue = load_catalogue()
    spec = catalogue.get(name)
    if spec is None:
        unusable = catalogue.why_not(name)
        raise OmlError(
            f"there is no component {name!r}",
            code="OML036",
            found=name,
            expected=f"one of: {', '.join(catalogue.names)}",
            fix=unusable.reason if unusable else did_you_mean(name, catalogue.names) or "see `osiris components list`",
        )
    data = _as_dict(spec)
    if format == "markdown":
        return Outcome({"spec": data}, "\n\n".join(reference(spec)))
    text = readable_json(data) if format == "json" else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return Outcome({"spec": data}, text.rstrip("\n"))


def lint(asked: Asked, *, name: str = "") -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """Check the specs of a component, a file or a folder; exit code 2 when one has a fault."""
    reports = []
    found: list[Diagnostic] = []
    for file, package in _spec_files(name):
        faults = lint_spec(file, package)
        reports.append({"file": place_name(file, package), "valid": not faults})
        found += faults
    if not name:
        found += _unusable()
    lines = [render(found)] if found else []
    lines += [f"{report['file']}: {'valid' if report['valid'] else 'not valid'}" for report in reports]
    return Outcome({"specs": reports}, "\n".join(lines), INVALID if found else OK, tuple(found))


def _spec_files(name: str) -> list[tuple[Path, Package | None]]:
    """Return the spec files that a name stands for, with the package of each; OmlError when it stands for none."""
    path = Path(name)
    known = dict(_installed())
    if not name:
        files = list(known.values())
    elif name in known:
        files = [known[name]]
    elif path.is_dir():
        own = path / SPEC_FILE
        files = [(file, None) for file in ([own] if own.is_file() else sorted(path.glob(f"*/{SPEC_FILE}")))]
    else:
        files = [(path, None)] if path.is_file() else []
    if not files:
        raise OmlError(
            "there is no component spec under that name",
            code="CLI012",
            found=name,
            expected="a component of the catalogue, a spec file, or a folder of <component>/spec.yaml files",
            fix=did_you_mean(name, sorted(known)) or "see `osiris components list`",
        )
    return [(file.resolve(), package) for file, package in files]


def _installed() -> Iterator[tuple[str, tuple[Path, Package | None]]]:
    """Yield name, spec file and package of all installed components; a spec that is broken counts, too."""
    own = sorted(components_folder().glob(f"*/{SPEC_FILE}"))
    brought = [(file, plugin.package) for plugin in installed_plugins()[0] for file in spec_files(plugin)]
    for file, package in [*brought, *((file, None) for file in own)]:
        yield file.parent.name, (file, package)


def _unusable() -> list[Diagnostic]:
    """Return what is wrong with installed packages beyond the text of one spec."""
    plugins, damaged = installed_plugins()
    own = {file.parent.name.partition(".")[0] for file in components_folder().glob(f"*/{SPEC_FILE}")}
    _, refused = plugin_entries(plugins, own)
    return [one.diagnostic for one in (*damaged, *refused) if one.diagnostic.code != "SPC021"]


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
        **({"package": to_json(spec.package)} if spec.package else {}),
    }

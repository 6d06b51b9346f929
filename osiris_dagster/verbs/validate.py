"""Check OML files: the one validator, for one file or many."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.render import render
from osiris_dagster.oml.validate import validate
from osiris_dagster.settings import connections_of, read_oml
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.file_change import fix_file
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome


def validate_files(asked: Asked, *, files: tuple[str, ...], fix: bool = False) -> Outcome:
    """Validate each file, after its safe fixes if asked to; exit code 2 when one of them has an error."""
    catalogue = load_catalogue()
    connections = connections_of(asked.project, asked.settings, catalogue)
    reports: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    lines: list[str] = []
    for name in files:
        path = Path(name).resolve()
        shown = asked.project.relative(path)
        check = partial(
            validate,
            file=shown,
            catalogue=catalogue,
            connections=connections.facts,
            mode=asked.settings.mode,
            secrets=connections.secret_values,
        )
        mended, result = fix_file(path, shown, check) if fix else ((), check(read_oml(path, shown)))
        report = {"file": shown, "valid": result.ok, "pipeline": result.pipeline.name if result.pipeline else ""}
        reports.append({**report, "fixed": [finding.as_dict() for finding in mended]} if fix else report)
        lines += [f"{finding.place}: fixed {finding.code} {finding.message}" for finding in mended]
        found += result.diagnostics
        if result.diagnostics:
            lines.append(render(result.diagnostics))
        lines.append(f"{shown}: {'valid' if result.ok else 'not valid'}")
    code = OK if all(report["valid"] for report in reports) else INVALID
    return Outcome({"files": reports}, "\n".join(lines), code, tuple(found))

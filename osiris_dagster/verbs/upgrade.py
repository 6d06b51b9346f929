"""Bring OML files of older shapes to the newest version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.render import plain, render
from osiris_dagster.oml.upgrade import upgrade
from osiris_dagster.settings import read_oml
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.file_change import changed, diff, replace_text
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome


def upgrade_files(asked: Asked, *, files: tuple[str, ...], write: bool = False) -> Outcome:
    """Show what an upgrade changes, and write it if asked to; exit code 2 when a file cannot be read as a document."""
    reports: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    lines: list[str] = []
    for name in files:
        path = Path(name).resolve()
        shown = asked.project.relative(path)
        data = read_oml(path, shown)
        document = compose(data, shown)
        told: list[str] = []

        def upgraded(document: Document, told: list[str] = told) -> str:
            done = upgrade(document)
            told += [plain(change) for change in done.changes]
            return done.text

        new, faults = changed(document, upgraded)
        differs = not faults and new != document.text
        if differs and write:
            replace_text(path, shown, data, new)
        difference = diff(document, new) if differs else ""
        reports.append({"file": shown, "changed": differs, "changes": told, "diff": difference})
        found += faults
        lines += [render(faults)] if faults else [difference, *(f"{shown}: {change}" for change in told)]
        lines.append(f"{shown}: {_said(differs=differs, write=write, broken=bool(faults))}")
    code = INVALID if found else OK
    return Outcome({"files": reports}, "\n".join(line for line in lines if line), code, tuple(found))


def _said(*, differs: bool, write: bool, broken: bool) -> str:
    if broken:
        return "left alone"
    if not differs:
        return "up to date"
    return "upgraded; `osiris validate` says what is left to do" if write else "not written; --write does it"

"""Lay OML files out in the canonical way, or tell which are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.layout import formatted
from osiris_dagster.oml.render import render
from osiris_dagster.oml_files import named_files
from osiris_dagster.settings import read_oml
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.file_change import changed, diff, replace_text
from osiris_dagster.verbs.outcome import FAILED, INVALID, OK, Outcome


def format_files(asked: Asked, *, files: tuple[str, ...], check: bool = False) -> Outcome:
    """Format each file; with `check` write nothing and exit with 1 when one would change, with 2 when one is broken."""
    reports: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    lines: list[str] = []
    for path, data in _documents(asked, files):
        shown = asked.project.relative(path)
        document = compose(data, shown)
        new, faults = changed(document, formatted)
        differs = not faults and new != document.text
        if differs and not check:
            replace_text(path, shown, data, new)
        reports.append({"file": shown, "changed": differs})
        found += faults
        lines += [render(faults)] if faults else []
        if differs and check:
            lines.append(diff(document, new))
        lines.append(f"{shown}: {_said(differs=differs, check=check, broken=bool(faults))}")
    code = INVALID if found else FAILED if check and any(report["changed"] for report in reports) else OK
    return Outcome({"files": reports}, "\n".join(lines) or "no OML files", code, tuple(found))


def _said(*, differs: bool, check: bool, broken: bool) -> str:
    if broken:
        return "left alone"
    if not differs:
        return "in canonical layout"
    return "would be formatted" if check else "formatted"


def _documents(asked: Asked, names: tuple[str, ...]) -> Iterator[tuple[Path, bytes]]:
    """Yield the files that are named, and of each folder those that look like OML: other YAML may stand beside it."""
    own = {Path(name).resolve() for name in names}
    for path in named_files(asked.project, names):
        data = read_oml(path, asked.project.relative(path))
        if path in own or b"oml_version" in data:
            yield path, data

"""Lay OML files out in the canonical way, or tell which are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.layout import formatted
from osiris_dagster.oml.render import render
from osiris_dagster.settings import read_oml
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.file_change import changed, diff, replace_text
from osiris_dagster.verbs.outcome import FAILED, INVALID, OK, Outcome

_SUFFIXES = (".yaml", ".yml")
_NOT_OURS = ("build", "aiop")  # what the product itself writes


def format_files(asked: Asked, *, files: tuple[str, ...], check: bool = False) -> Outcome:
    """Format each file; with `check` write nothing and exit with 1 when one would change, with 2 when one is broken."""
    reports: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    lines: list[str] = []
    for path, data in _documents(files):
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


def _documents(names: tuple[str, ...]) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of that name; of a folder, those that hold an OML document."""
    for name in names:
        path = Path(name).resolve()
        if not path.is_dir():
            yield path, read_oml(path, name)
            continue
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(path).parts
            if file.suffix in _SUFFIXES and file.is_file() and not any(_skipped(part) for part in parts):
                data = read_oml(file, name)
                if b"oml_version" in data:
                    yield file, data


def _skipped(part: str) -> bool:
    return part.startswith(".") or part in _NOT_OURS

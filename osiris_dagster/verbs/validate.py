"""Check OML files: the one validator, for one file or many, and what is wrong with them as neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from osiris_dagster.connections.project import connections_of
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import Diagnostic, OsirisError
from osiris_dagster.oml.render import render
from osiris_dagster.oml.validate import validate
from osiris_dagster.oml_files import Named, named_files, neighbour_faults
from osiris_dagster.settings import read_oml
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.file_change import fix_file
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome


@dataclass(frozen=True, slots=True)
class _Checked:
    """One file and what is said about it."""

    file: str
    pipeline: str = ""  # empty for a file that is not valid by itself
    text: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    exit_code: int = OK
    fixed: tuple[Diagnostic, ...] = ()  # what was said about it until it was mended


def validate_files(asked: Asked, *, files: tuple[str, ...], fix: bool = False) -> Outcome:
    """Validate each file, and all files of a folder, after their safe fixes if asked to.

    The exit code is that of the first file with an error.
    """
    catalogue = load_catalogue()
    connections = connections_of(asked.project, asked.settings, catalogue)
    paths = named_files(asked.project, files)
    if len(paths) == 1:
        read_oml(paths[0], asked.project.relative(paths[0]))  # ends it, where there is nothing else to tell
    checked = [_check(asked, path, catalogue, connections, fix=fix) for path in paths]
    faults = neighbour_faults([Named(one.file, one.pipeline, one.text) for one in checked if one.pipeline])
    checked = [_with_fault(one, faults[one.file]) if one.file in faults else one for one in checked]
    return _outcome(checked, brief=any(Path(name).is_dir() for name in files), fix=fix)


def _check(asked: Asked, path: Path, catalogue: Catalogue, connections: Connections, *, fix: bool) -> _Checked:
    shown = asked.project.relative(path)
    check = partial(
        validate,
        file=shown,
        catalogue=catalogue,
        connections=connections.facts,
        mode=asked.settings.mode,
        secrets=connections.secret_values,
    )
    try:
        fixed, result = fix_file(path, shown, check) if fix else ((), check(read_oml(path, shown)))
    except OsirisError as error:
        return _Checked(shown, diagnostics=error.diagnostics, exit_code=error.exit_code)
    name = result.pipeline.name if result.pipeline else ""
    code = OK if result.ok else INVALID
    return _Checked(shown, name, result.document.text, result.diagnostics, code, tuple(fixed))


def _with_fault(one: _Checked, fault: Diagnostic) -> _Checked:
    return replace(one, diagnostics=(*one.diagnostics, fault), exit_code=INVALID)


def _outcome(checked: list[_Checked], *, brief: bool, fix: bool) -> Outcome:
    """Return all files in the order they were named; `brief` spares the lines of those that nothing is said about."""
    lines: list[str] = []
    for one in checked:
        lines += [f"{finding.place}: fixed {finding.code} {finding.message}" for finding in one.fixed]
        if one.diagnostics:
            lines.append(render(one.diagnostics))
        if one.diagnostics or not brief:
            lines.append(f"{one.file}: {'not valid' if one.exit_code else 'valid'}")
    if len(checked) > 1:
        valid = sum(1 for one in checked if not one.exit_code)
        lines.append(f"{len(checked)} files: {valid} valid, {len(checked) - valid} not")
    reports = [_report(one, fix=fix) for one in checked]
    code = next((one.exit_code for one in checked if one.exit_code), OK)
    found = tuple(finding for one in checked for finding in one.diagnostics)
    return Outcome({"files": reports}, "\n".join(lines), code, found)


def _report(one: _Checked, *, fix: bool) -> dict[str, Any]:
    told = {"file": one.file, "valid": not one.exit_code, "pipeline": one.pipeline}
    return {**told, "fixed": [finding.as_dict() for finding in one.fixed]} if fix else told

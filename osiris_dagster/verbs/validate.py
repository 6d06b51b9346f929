"""Check OML files: the one validator, for one file or many, and what is wrong with them as neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from osiris_dagster.errors import Diagnostic, OsirisError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.render import render
from osiris_dagster.oml.validate import validate
from osiris_dagster.oml_files import Named, named_files, neighbour_faults
from osiris_dagster.settings import connections_of, read_oml
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import INVALID, OK, Outcome


@dataclass(frozen=True, slots=True)
class _Checked:
    """One file and what is said about it."""

    file: str
    pipeline: str = ""  # empty for a file that is not valid by itself
    text: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    exit_code: int = OK


def validate_files(asked: Asked, *, files: tuple[str, ...]) -> Outcome:
    """Validate each file, and all files of a folder; exit code of the first file with an error."""
    catalogue = load_catalogue()
    facts = connections_of(asked.project, asked.settings, catalogue).facts
    paths = named_files(asked.project, files)
    if len(paths) == 1:
        read_oml(paths[0], asked.project.relative(paths[0]))  # ends it, where there is nothing else to tell
    checked = [_check(asked, path, catalogue, facts) for path in paths]
    faults = neighbour_faults([Named(one.file, one.pipeline, one.text) for one in checked if one.pipeline])
    checked = [_with_fault(one, faults[one.file]) if one.file in faults else one for one in checked]
    return _outcome(checked, brief=any(Path(name).is_dir() for name in files))


def _check(asked: Asked, path: Path, catalogue: Catalogue, facts: tuple[ConnectionFacts, ...]) -> _Checked:
    shown = asked.project.relative(path)
    try:
        text = read_oml(path, shown)
    except OsirisError as error:
        return _Checked(shown, diagnostics=error.diagnostics, exit_code=error.exit_code)
    result = validate(text, shown, catalogue, connections=facts, mode=asked.settings.mode)
    name = result.pipeline.name if result.pipeline else ""
    return _Checked(shown, name, result.document.text, result.diagnostics, OK if result.ok else INVALID)


def _with_fault(one: _Checked, fault: Diagnostic) -> _Checked:
    return replace(one, diagnostics=(*one.diagnostics, fault), exit_code=INVALID)


def _outcome(checked: list[_Checked], *, brief: bool) -> Outcome:
    """Return all files in the order they were named; `brief` spares the lines of those that nothing is said about."""
    lines: list[str] = []
    for one in checked:
        if one.diagnostics:
            lines.append(render(one.diagnostics))
        if one.diagnostics or not brief:
            lines.append(f"{one.file}: {'not valid' if one.exit_code else 'valid'}")
    if len(checked) > 1:
        valid = sum(1 for one in checked if not one.exit_code)
        lines.append(f"{len(checked)} files: {valid} valid, {len(checked) - valid} not")
    reports = [{"file": one.file, "valid": not one.exit_code, "pipeline": one.pipeline} for one in checked]
    code = next((one.exit_code for one in checked if one.exit_code), OK)
    found = tuple(finding for one in checked for finding in one.diagnostics)
    return Outcome({"files": reports}, "\n".join(lines), code, found)

"""Declared columns of a step against those it has: exactly these names and types, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from osiris_dagster.arrow import arrow_type
from osiris_dagster.columns import Columns
from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path, path_text
from osiris_dagster.specs.nearest import did_you_mean

_MOST = 10


@dataclass(frozen=True, slots=True)
class ContractFault:
    """One difference: the declared column at fault (None for one that is not declared), and the key in it."""

    message: str
    index: int | None = None
    key: str = ""
    found: str = ""
    expected: str = ""
    fix: str = ""


def contract_faults(declared: Columns, columns: Columns) -> tuple[ContractFault, ...]:
    """Return what keeps columns from being the declared ones, at most ten faults."""
    return tuple(_faults(declared, columns))[:_MOST]


def _faults(declared: Columns, columns: Columns) -> Iterator[ContractFault]:
    kinds = {column.name: column.type for column in columns}
    for index, column in enumerate(declared):
        kind = kinds.get(column.name)
        if kind is None:
            hint = did_you_mean(column.name, kinds) or "let the step give it, or remove it here"
            found = ", ".join(list(kinds)[:_MOST])
            yield ContractFault(f"column {column.name!r} is missing", index, "name", found, column.name, hint)
        elif arrow_type(kind) != arrow_type(column.type):
            said = f"column {column.name!r} is {kind} instead of {column.type}"
            yield ContractFault(said, index, "type", kind, column.type, f"cast it, or declare `type: {kind}`")
    known = {column.name for column in declared}
    for name, kind in kinds.items():
        if name not in known:
            yield ContractFault(f"column {name!r} is not declared", fix=f"declare it: {{name: {name}, type: {kind}}}")


def check_contracts(draft: Draft) -> Draft:
    """Hold every step to its declared columns; where its own are not known, the run does it."""
    found = (finding for step in draft.steps for finding in _findings(step, draft))
    return replace(draft, diagnostics=(*draft.diagnostics, *found))


def _findings(step: StepPlan, draft: Draft) -> Iterator[Diagnostic]:
    if not step.contract or step.columns is None:
        return
    written = next(one for one in draft.inputs.pipeline.steps if one.id == step.id)
    block: Path = ("steps", written.index, "columns")
    for fault in contract_faults(step.contract, step.columns):
        path: Path = block if fault.index is None else (*block, fault.index, fault.key)
        yield Diagnostic(
            "OML163",
            f"the declared columns of step {step.id!r} are not those it has: {fault.message}",
            place=draft.inputs.document.place(path),
            path=path_text(path),
            found=fault.found,
            expected=fault.expected,
            fix=fault.fix,
        )

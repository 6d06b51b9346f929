"""Finds the data checks that cannot work on the columns of their step, where these are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osiris_dagster.compiler.checks import CheckFault, check_fault, relation_fault, statement_fault
from osiris_dagster.compiler.draft import Draft
from osiris_dagster.compiler.locate import place_in_scalar
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.compiler.partitioning import DUCKDB, written_offset
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path, path_text
from osiris_dagster.oml.partition import first_partition
from osiris_dagster.oml.placeholders import filled
from osiris_dagster.oml.relationship import KIND as RELATIONSHIP

_CODES = {"column": "OML160", "value": "OML161", "query": "OML162"}


def check_checks(draft: Draft) -> Draft:
    """Hold every check to the columns of its step; where those are not known, the run does it."""
    found = (finding for step in draft.steps for finding in _findings(step, draft))
    return replace(draft, diagnostics=(*draft.diagnostics, *found))


def _findings(step: StepPlan, draft: Draft) -> Iterator[Diagnostic]:
    first = first_partition(draft.inputs.pipeline.partitions)
    for index, written in enumerate(step.checks):
        check = replace(written, options=filled(written.options, first))
        fault = statement_fault(check) if step.columns is None else check_fault(check, step.columns)
        if fault is None and check.type == RELATIONSHIP and step.columns is not None:
            other = next(each.columns for each in draft.steps if each.id == check.options["to"])
            fault = relation_fault(check, step.columns, other) if other is not None else None
        if fault is not None:
            yield _diagnostic(fault, step, index, draft)


def _diagnostic(fault: CheckFault, step: StepPlan, index: int, draft: Draft) -> Diagnostic:
    document = draft.inputs.document
    written = next(one for one in draft.inputs.pipeline.steps if one.id == step.id)
    path: Path = ("steps", written.index, "checks", index, fault.key)
    text, offset = str(written.checks[index].options[fault.key]), fault.offset
    if offset is not None:
        offset = written_offset(text, DUCKDB, draft, offset)
    place = place_in_scalar(document, path, text, offset, fault.length) if fault.kind == "query" else None
    return Diagnostic(
        _CODES[fault.kind],
        fault.message,
        place=place or document.place(path),
        path=path_text(path),
        found=fault.found,
        expected=fault.expected,
        fix=fault.fix,
    )

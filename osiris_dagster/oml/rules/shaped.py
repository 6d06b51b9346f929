"""What the rules about blocks share: a block's faults of shape and of text, turned into findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jsonschema.protocols import Validator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.specs.schema_faults import schema_faults


def blocks(context: Context, key: str) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of a top-level block of OML 0.2 that is not empty."""
    if context.version != "0.1.0" and context.body.get(key) is not None:
        yield (key,), context.body[key]


def step_blocks(context: Context, key: str) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of a block of OML 0.2 in every step that has it."""
    for step in context.steps if context.version != "0.1.0" else ():
        if step.body.get(key) is not None:
            yield (*step.path, key), step.body[key]


def shape(context: Context, path: Path, value: Any, validator: Validator) -> Iterator[Diagnostic]:
    """Yield what the block's schema objects to."""
    for fault in schema_faults(validator, value):
        missing = fault.kind == "missing"
        where = (*path, *(fault.path[:-1] if missing else fault.path))
        found = "" if missing or fault.on_key else context.shown(where, fault.value)
        key = fault.on_key or missing
        yield context.at(where, fault.message, key=key, found=found, expected=fault.expected, fix=fault.fix)


def reading(
    context: Context, path: Path, value: Any, fault_of: Callable[[str], str], expected: str
) -> Iterator[Diagnostic]:
    """Yield what a reader of texts objects to; a value that is no text is told by the shape."""
    fault = fault_of(value) if isinstance(value, str) and value else ""
    if fault:
        message = f"`{path[-1]}` cannot be read: {fault}"
        yield context.at(path, message, found=context.shown(path, value), expected=expected, fix=f"write {expected}")


def wrong_form(context: Context, path: Path, value: str, what: str, expected: str, *, key: bool = False) -> Diagnostic:
    """Return the finding about a text of the wrong form."""
    return context.at(
        path,
        f"{what} does not have the expected form",
        key=key,
        found=context.shown(path, value),
        expected=expected,
        fix=f"write {expected}",
    )

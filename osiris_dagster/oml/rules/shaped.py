"""What rows of keys say about their values, held against a document: faults of type, shape and text as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema.protocols import Validator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key, Reading
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.meaning import quoted
from osiris_dagster.specs.schema import schema_validator
from osiris_dagster.specs.schema_faults import kind_of, schema_faults


def blocks(context: Context, key: str) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of a top-level block that is not empty and means something; KeyError for a key of no row."""
    if DOCUMENT[key].means_in(context.version) and context.body.get(key) is not None:
        yield (key,), context.body[key]


def step_blocks(context: Context, key: str) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of a block in every step that has it; KeyError for a key of no row."""
    for step in context.steps if STEP[key].means_in(context.version) else ():
        if step.body.get(key) is not None:
            yield (*step.path, key), step.body[key]


def wrong_kinds(
    context: Context, keys: Mapping[str, Key], path: Path, written: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """Yield the plain values of another type than their rows say; an optional key may be empty."""
    for name, key in keys.items():
        value = written.get(name)
        if key.kind is None or name not in written or (value is None and not key.required):
            continue
        kind, words = key.kind
        if not isinstance(value, kind):
            number = kind is str and isinstance(value, int | float)
            yield context.at(
                (*path, name),
                f"`{name}` must be {words}, not {kind_of(value)}",
                found=context.shown((*path, name), value),
                expected=words,
                fix="write it in quotes" if number else f"write {words}",
                edits=quoted(context, (*path, name), value) if number else (),
            )


def told_under(context: Context, code: str) -> Iterator[tuple[Key, Path, Any]]:
    """Yield row, path and value of all blocks whose shape is told under this code."""
    for keys, found in ((DOCUMENT, blocks), (STEP, step_blocks)):
        for name, key in keys.items():
            if key.rule == code:
                yield from ((key, path, value) for path, value in found(context, name))


def faults_told(context: Context, code: str) -> Iterator[Diagnostic]:
    """Yield all that rows object to under this code."""
    for key, path, value in told_under(context, code):
        yield from block_faults(context, key, path, value)


def block_faults(context: Context, key: Key, path: Path, value: Any) -> Iterator[Diagnostic]:
    """Yield what is wrong with a block by its row: its shape, and texts in it that cannot be read."""
    yield from shape(context, path, value, _validator(key))
    if key.reading is not None:
        yield from _unread(context, path, value, key.reading)
    if isinstance(value, dict):
        yield from inner_texts(context, key, path, value)


def inner_texts(context: Context, key: Key, path: Path, value: dict[str, Any]) -> Iterator[Diagnostic]:
    """Yield what the readings of a block's keys object to."""
    for inner in key.keys:
        if inner.reading is not None:
            yield from _unread(context, (*path, inner.name), value.get(inner.name), inner.reading)


@cache
def _validator(key: Key) -> Validator:
    return schema_validator(key.schema or {})


def shape(context: Context, path: Path, value: Any, validator: Validator) -> Iterator[Diagnostic]:
    """Yield what the schema of a block, or of a part of it, objects to."""
    for fault in schema_faults(validator, value):
        missing = fault.kind == "missing"
        where = (*path, *(fault.path[:-1] if missing else fault.path))
        found = "" if missing or fault.on_key else context.shown(where, fault.value)
        key = fault.on_key or missing
        yield context.at(where, fault.message, key=key, found=found, expected=fault.expected, fix=fault.fix)


def _unread(context: Context, path: Path, value: Any, reading: Reading) -> Iterator[Diagnostic]:
    """Yield what a reader of texts objects to; a value that is no text is told by the shape."""
    fault_of, expected = reading
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

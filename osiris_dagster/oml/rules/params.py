"""Rules about parameters, profiles and placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.params import references
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.meaning import replace_placeholder
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.nearest import did_you_mean, nearest
from osiris_dagster.specs.schema_faults import kind_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PARTITION = re.compile(r"\$\{\s*partition\b([^}]*)\}?")
_PARTITION_PARTS = (".key", ".start", ".end")
_MOST_NAMES = 12


@rule("OML070", "A parameter that is not declared", example="${params.day}")
def unknown_parameter(context: Context) -> Iterator[Diagnostic]:
    """`${params.x}` stands for a parameter that `params` or a profile declares.

    An undeclared one would stay in the text, and a query would fail far from here.

    Wrong:
        description: Orders of ${params.day}

    Right:
        params: {day: {default: "2025-01-01"}}
        description: Orders of ${params.day}
    """
    names = list(context.params)
    for path, text in texts(context.body, ()):
        if "params" not in text:
            continue
        for written, name in references(text):
            if name and name in context.params:
                continue
            yield context.at(
                path,
                "the parameter is not declared" if name else "this is not how a parameter is written",
                found=context.shown(path, written),
                expected=", ".join(names[:_MOST_NAMES]) or "a parameter that `params` declares",
                fix=(did_you_mean(name, names) or "declare it under `params`") if name else "write ${params.name}",
                edits=_reference_edit(context, path, written, name),
            )


def _reference_edit(context: Context, path: Path, written: str, name: str) -> tuple[Edit, ...]:
    """Return the change to the parameter that is meant; only spaces around a declared name are safe to take away."""
    bare = written.removeprefix("${").strip().removeprefix("params").lstrip(" .").rstrip("} ")
    near = bare if bare in context.params else nearest(name or bare, context.params)
    if not near or not written.endswith("}"):
        return ()
    return replace_placeholder(context, path, written, f"${{params.{near}}}", safe=near == bare)


@rule("OML071", "A declaration of parameters that cannot be read", example="params: {day: {default: 2025-01-01}}")
def declaration(context: Context) -> Iterator[Diagnostic]:
    """`params` maps names to values, or to `{default, description}`; profiles map names to `{params: ...}`.

    Names are letters, digits, `_` and `-`, and begin with a letter: they also appear as `OSIRIS_PARAM_NAME`.
    A mapping as a value has to stand under `default`, so that it is not mistaken for a declaration.

    Wrong:
        params: [day]

    Right:
        params: {day: {default: "2025-01-01"}}
    """
    yield from _names(context, ("params",), context.body.get("params"))
    for name, value in _items(context.body.get("params")):
        yield from _only(context, ("params", name), value, ("default", "description"))
    yield from _mapping(context, ("profiles",), context.body.get("profiles"))
    for name, profile in _items(context.body.get("profiles")):
        path: Path = ("profiles", name)
        yield from _mapping(context, path, profile)
        yield from _only(context, path, profile, ("params",))
        if isinstance(profile, dict):
            yield from _names(context, (*path, "params"), profile.get("params"))


@rule("OML072", "An unknown placeholder of a partition", example='params: {day: {default: "2025-01-01"}}')
def partition_placeholder(context: Context) -> Iterator[Diagnostic]:
    """`${partition.key}`, `${partition.start}` and `${partition.end}` exist in a document with `partitions`.

    Without partitions they would stay in the text as they are.

    Wrong:
        description: Orders of ${partition.day}

    Right:
        description: Orders of one day
    """
    for path, text in texts(context.body, ()):
        if "partition" not in text:
            continue
        for match in _PARTITION.finditer(text):
            exact = match[0] == f"${{partition{match[1]}}}" and match[1] in _PARTITION_PARTS
            if exact and context.body.get("partitions") is not None:
                continue
            message = "there is no such placeholder" if not exact else "the document has no `partitions`"
            yield context.at(
                path,
                message,
                found=context.shown(path, match[0]),
                expected="${partition.key}, ${partition.start} or ${partition.end}, in a document with `partitions`",
                fix="use one of the three" if not exact else "remove it, or use a parameter",
            )


def texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every text with a placeholder in it."""
    if isinstance(value, str):
        if "${" in value:
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))


def _mapping(context: Context, path: Path, value: Any) -> Iterator[Diagnostic]:
    if value is not None and not isinstance(value, dict):
        message = f"`{path[-1]}` must be a mapping, not {kind_of(value)}"
        yield context.at(
            path, message, found=context.shown(path, value), expected="a mapping", fix="write `name: value` below it"
        )


def _names(context: Context, path: Path, value: Any) -> Iterator[Diagnostic]:
    """The value is a mapping whose keys can be names of parameters."""
    yield from _mapping(context, path, value)
    for name, _ in _items(value):
        if not _NAME.fullmatch(name):
            yield context.at(
                (*path, name),
                "the name of a parameter cannot be used",
                key=True,
                expected="letters, digits, `_` and `-`, beginning with a letter",
                fix="rename it",
            )


def _only(context: Context, path: Path, value: Any, known: tuple[str, ...]) -> Iterator[Diagnostic]:
    for key, _ in _items(value):
        if key not in known:
            yield context.at(
                (*path, key),
                f"the key `{key[:80]}` is not known here",
                key=True,
                expected=", ".join(known),
                fix=did_you_mean(key, known) or f"put it under `{known[0]}`",
            )


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, dict) else ()

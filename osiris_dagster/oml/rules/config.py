"""Rules about the options in `config`, one by one: names, types, values, forms, paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import replace_scalar, value_at, written
from osiris_dagster.oml.habits import OPTIONS, VALUES
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.meaning import meant_key, meant_value, quoted, several_names
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.scalars import NotJson, resolve_plain
from osiris_dagster.project import leaves_project
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.schema_faults import SchemaFault
from osiris_dagster.specs.secrets import secret_fields

_STEP_KEYS = ("needs", "mode", "component", "id")


@rule("OML050", "An option that the component does not have")
def unknown_option(context: Context) -> Iterator[Diagnostic]:
    """`config` holds a key that the component does not know.

    It would be ignored, and the step would do something else than it says.
    `osiris components spec NAME` shows the options.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, thread: 2}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: 2}}
    """
    for step, fault in _faults(context, "unknown"):
        key = str(fault.path[-1])
        path = (*step.path, "config", *fault.path)
        top = len(fault.path) == 1 and step.spec is not None
        meant = meant_key(context, path, fault.known, _other_names(step) if top else {})
        fix = meant.fix or fault.fix
        if top and step.spec is not None and not meant.word:
            if key in step.spec.connection_fields or key in secret_fields(step.spec):
                fix = f"set `{key}` in the connection, not in the step"
            elif key in _STEP_KEYS:
                fix = f"`{key}` belongs to the step, beside `config`"
        where = f"{step.component} has no option" if len(fault.path) == 1 else "there is no key"
        yield _finding(context, step, fault, message=f"{where} `{key[:80]}`", fix=fix, edits=meant.edits)


def _other_names(step: StepText) -> Mapping[str, str]:
    """Return what the options of a component are called elsewhere: by its spec, else by what other tools write."""
    return {**OPTIONS, **(step.spec.input_aliases if step.spec else {})}


@rule("OML051", "A required option is missing")
def missing_option(context: Context) -> Iterator[Diagnostic]:
    """The component cannot work without this option.

    What a named connection provides need not be repeated.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {threads: 2}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: 2}}
    """
    for step, fault in _faults(context, "missing"):
        config = (*step.path, "config")
        name = step.component if len(fault.path) == 1 else f"`{fault.path[-2]}`"
        yield context.at(
            config if len(fault.path) == 1 else (*config, *fault.path[:-1]),
            f"{name} needs `{fault.path[-1]}`",
            key=True,
            expected=fault.expected,
            fix=f"{fault.fix} to `config`" if len(fault.path) == 1 else fault.fix,
            example=_sample(step.spec, str(fault.path[-1])),
        )


@rule("OML052", "An option of the wrong type")
def option_type(context: Context) -> Iterator[Diagnostic]:
    """The value is text where a number is expected, a list where text is expected, and so on.

    A parameter that fills the whole value keeps its type: `${params.n}` is a number when the parameter is one.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: "2"}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: 2}}
    """
    for step, fault in _faults(context, "type"):
        edits = _retyped(context, (*step.path, "config", *fault.path), fault)
        yield _finding(context, step, fault, message=fault.message, fix=fault.fix, edits=edits)


def _retyped(context: Context, path: Path, fault: SchemaFault) -> tuple[Edit, ...]:
    """Return the change that only alters how a value is written: quotes on or off, one item made a list."""
    value = fault.value
    if value != value_at(context.document, path):
        return ()  # a parameter gave it
    if "string" in fault.types and isinstance(value, int | float):
        return quoted(context, path, value)
    if not isinstance(value, str):
        return ()
    if "boolean" in fault.types and value.lower() in ("true", "false"):
        return replace_scalar(context.document, path, value.lower(), safe=True)
    if {"integer", "number"} & set(fault.types):
        number = _number(value)
        if isinstance(number, int) or (number is not None and "number" in fault.types):
            return replace_scalar(context.document, path, value.strip(), safe=True)
    if "array" in fault.types and "string" not in fault.types and not several_names(value):
        return replace_scalar(context.document, path, f"[{written(context.document, path)}]", safe=True)
    return ()


def _number(text: str) -> int | float | None:
    try:
        value = resolve_plain(text.strip())
    except NotJson:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@rule("OML053", "An option with a value it does not allow")
def option_choice(context: Context) -> Iterator[Diagnostic]:
    """The option takes one of a few values, and this is none of them.

    Wrong:
        - {id: in, component: filesystem.csv_extractor, mode: read, config: {path: data/in.csv, encoding: klingon}}

    Right:
        - {id: in, component: filesystem.csv_extractor, mode: read, config: {path: data/in.csv, encoding: utf-8}}
    """
    for step, fault in _faults(context, "choice"):
        path = (*step.path, "config", *fault.path)
        habits = VALUES.get(str(fault.path[-1]), {}) if fault.path else {}
        meant = meant_value(context, path, fault.value, fault.known, habits) if isinstance(fault.value, str) else None
        fix = meant.fix if meant and meant.word else fault.fix
        yield _finding(context, step, fault, message=fault.message, fix=fix, edits=meant.edits if meant else ())


@rule("OML054", "An option out of its range")
def option_range(context: Context) -> Iterator[Diagnostic]:
    """The number is too small or too large, the text or list too short or too long, or an item stands twice.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: 0}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, threads: 1}}
    """
    yield from findings(context, "range")


@rule("OML055", "An option of the wrong form")
def option_pattern(context: Context) -> Iterator[Diagnostic]:
    """The text does not have the form that the option wants.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, memory_limit: lots}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n, memory_limit: 2GB}}
    """
    yield from findings(context, "pattern")


@rule("OML058", "A path that leaves the project", example="path: data/orders.csv")
def project_path(context: Context) -> Iterator[Diagnostic]:
    """Paths are relative to the project and stay inside it.

    A pipeline that reads or overwrites files anywhere on a machine does not run on another one, and is a risk.

    Wrong:
        - {id: in, component: filesystem.csv_extractor, mode: read, config: {path: ../secret.csv}}

    Right:
        - {id: in, component: filesystem.csv_extractor, mode: read, config: {path: data/in.csv}}
    """
    for step in context.steps:
        for key, schema in options_of(step).items():
            value = context.config(step).get(key)
            for path, text in _paths(schema, value, (*step.path, "config", key)):
                if leaves_project(text):
                    yield context.at(
                        path,
                        f"`{key}` leaves the project",
                        found=context.shown(path, text),
                        expected="a path relative to the project, inside it",
                        fix="move the file into the project and write e.g. data/orders.csv",
                    )


def _paths(schema: Mapping[str, Any], value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and text of the project paths in a value: the field itself, or the items of a list."""
    if schema.get("format") == "project-path" and isinstance(value, str):
        yield path, value
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from _paths(schema["items"], item, (*path, index))


def _faults(context: Context, kind: str) -> Iterator[tuple[StepText, SchemaFault]]:
    for step in context.steps:
        for fault in context.config_faults(step):
            if fault.kind == kind:
                yield step, fault


def findings(context: Context, kind: str) -> Iterator[Diagnostic]:
    """Yield what the schemas of components object to in one way."""
    for step, fault in _faults(context, kind):
        yield _finding(context, step, fault, message=fault.message, fix=fault.fix)


def _finding(
    context: Context, step: StepText, fault: SchemaFault, *, message: str, fix: str, edits: tuple[Edit, ...] = ()
) -> Diagnostic:
    path: Path = (*step.path, "config", *fault.path)
    found = "" if fault.on_key else context.shown(path, fault.value)
    example = _sample(step.spec, str(fault.path[0])) if fault.path else ""
    return context.at(
        path,
        message,
        key=fault.on_key,
        found=found,
        expected=fault.expected,
        fix=fix,
        example=example,
        edits=edits,
    )


def _sample(spec: ComponentSpec | None, key: str) -> str:
    """Return a good value of an option, from the spec's examples or its default."""
    if spec is None:
        return ""
    values = [example.config[key] for example in spec.examples if key in example.config]
    schema = spec.config_schema.get("properties", {}).get(key, {})
    values += [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else [])]
    return f"{key}: {json.dumps(values[0], ensure_ascii=False)}" if values else ""


def options_of(step: StepText) -> Mapping[str, Any]:
    """Return the schemas of a component's options; empty for an unknown component."""
    return step.spec.config_schema.get("properties", {}) if step.spec else {}

"""Rules about one step: its shape, its keys and its id."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.edits import insert_before, move_into_config
from osiris_dagster.oml.keys import STEP
from osiris_dagster.oml.names import name_fault
from osiris_dagster.oml.params import has_reference
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.meaning import LISTS, Never, fitting, meant_key, other_words, several_names
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import wrong_kinds
from osiris_dagster.specs.model import oml_mode
from osiris_dagster.specs.nearest import nearest
from osiris_dagster.specs.schema_faults import kind_of


@rule(
    "OML030",
    "A step is not a mapping",
    example="- {id: a, component: duckdb.processor, mode: transform, config: {...}}",
)
def not_a_mapping(context: Context) -> Iterator[Diagnostic]:
    """Every item of `steps` is a mapping with `id`, `component` and `mode`.

    Wrong:
        steps: [orders]

    Right:
        - id: orders
          component: duckdb.processor
          mode: transform
          config: {query: select 1 as n}
    """
    items = context.body.get("steps")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict):
            yield context.at(
                ("steps", index),
                f"a step is a mapping, not {kind_of(item)}",
                found=context.shown(("steps", index), item),
                expected="a mapping with id, component, mode",
                fix="write `- id: ...` and the other keys below it",
            )


@rule(
    "OML031",
    "A step lacks a required key",
    example="- {id: a, component: duckdb.processor, mode: transform, config: {...}}",
)
def required_key(context: Context) -> Iterator[Diagnostic]:
    """A step has `id`, `component` and `mode`.

    Other steps name it by its id, and the mode says whether the component reads, transforms or writes.

    Wrong:
        - id: orders
          component: duckdb.processor
          config: {query: select 1 as n}

    Right:
        - id: orders
          component: duckdb.processor
          mode: transform
          config: {query: select 1 as n}
    """
    for step in context.steps:
        for name, key in STEP.items():
            if key.required and name not in step.body:
                sample = key.example
                if name == "mode" and step.spec is not None:
                    sample = f"mode: {oml_mode(step.spec.mode)}"
                yield context.at(
                    step.path,
                    f"the step has no `{name}`",
                    expected=sample,
                    fix=f"add `{sample}`",
                    edits=_mode_line(context, step, sample) if name == "mode" else (),
                )


def _mode_line(context: Context, step: StepText, line: str) -> tuple[Edit, ...]:
    """Return the change that adds the one mode that the component has, before the key that follows it by custom."""
    follower = next((key for key in ("needs", "config", "component", "id") if key in step.body), "")
    if step.spec is None or not follower or any(key in STEP["mode"].others for key in step.body):
        return ()
    return insert_before(context.document, (*step.path, follower), line, safe=True)


@rule("OML032", "A step key has the wrong type", example="id: orders")
def key_type(context: Context) -> Iterator[Diagnostic]:
    """`id`, `component`, `mode` and `description` are text, `config` is a mapping.

    Wrong:
        - id: 1
          component: duckdb.processor
          mode: transform
          config: {query: select 1 as n}

    Right:
        - id: "1"
          component: duckdb.processor
          mode: transform
          config: {query: select 1 as n}
    """
    for step in context.steps:
        yield from wrong_kinds(context, STEP, step.path, step.body)


@rule("OML033", "An unknown step key", example="config: {query: select 1}")
def unknown_key(context: Context) -> Iterator[Diagnostic]:
    """A step has a key that nothing reads.

    An option of the component belongs under `config`; a misspelt `needs` or `config` would change what the step does.

    Wrong:
        - id: orders
          uses: duckdb.processor
          mode: transform
          config: {query: select 1 as n}

    Right:
        - id: orders
          component: duckdb.processor
          mode: transform
          config: {query: select 1 as n}
    """
    for step in context.steps:
        for key in step.body:
            if key in STEP:
                continue
            fix, edits = _instead(context, step, key)
            yield context.at(
                (*step.path, key),
                f"a step has no key `{key[:80]}`",
                key=True,
                expected=", ".join(STEP),
                fix=fix,
                edits=edits,
            )


def _instead(context: Context, step: StepText, key: str) -> tuple[str, tuple[Edit, ...]]:
    """Return where an unknown key of a step belongs, or what it is called here."""
    path = (*step.path, key)
    options = step.spec.config_schema.get("properties", {}) if step.spec else {}
    if key in options or key == "connection":
        what = "it" if step.spec is None else f"`{key}` is an option of {step.component}; it"
        value = step.body[key]
        certain = not (key in LISTS and isinstance(value, str) and several_names(value))
        edits = move_into_config(context.document, path, safe=certain)
        return f"move it under `config`: {what} belongs there", edits
    meant = meant_key(context, path, STEP, other_words(STEP), _fits(context, step.body[key]))
    if meant.word and (meant.word not in step.body or meant.fix.startswith("did you")):
        return meant.fix, meant.edits
    return "remove it; options of the component belong under `config`", ()


def _fits(context: Context, value: object) -> dict[str, type | tuple[type, ...]]:
    """Return what a value has to be for its key to be renamed without asking: a component, for one, has to be near."""
    component = isinstance(value, str) and nearest(value, context.catalogue.names)
    # A mapping under another word for `retry` can be nothing else; the version line follows in the next round.
    own = {"retry": STEP["retry"].renamed_for, **({} if component else {"component": Never})}
    return fitting(STEP, context.version) | own


@rule("OML034", "A step id is used twice", example="id: orders_clean")
def duplicate_id(context: Context) -> Iterator[Diagnostic]:
    """Every step has an id of its own.

    `needs`, table names, records and asset keys name steps by their ids.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select * from df_rows}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, config: {query: select * from df_rows}}
    """
    for step in context.steps:
        first = context.by_id.get(step.id)
        if first is not None and first.index != step.index:
            place = context.document.place((*first.path, "id"))
            yield context.at(
                (*step.path, "id"),
                f"the id is already used by steps[{first.index}] in line {place.line}, column {place.column}",
                found=context.shown((*step.path, "id"), step.id),
                expected="an id of its own for every step",
                fix="rename one of the two, and the `needs` that mean it",
            )


@rule("OML035", "A step id that cannot be used", example="id: raw_orders")
def unusable_id(context: Context) -> Iterator[Diagnostic]:
    """A step's id becomes a file, a table name and the second part of an asset key.

    So it is not empty, has at most 100 characters, no slash, no control character, no space at its ends and no
    parameter, and is not `.` or `..`.

    Wrong:
        - {id: raw/orders, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}

    Right:
        - {id: raw_orders, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    for step in context.steps:
        if not isinstance(step.body.get("id"), str):
            continue
        fault = "it holds a parameter" if has_reference(step.id) else name_fault(step.id)
        if fault:
            path = (*step.path, "id")
            yield context.at(
                path,
                f"the id cannot be used: {fault}",
                found=context.shown(path, step.id),
                expected="a name for a file and an asset key",
                fix="use letters, digits, `_` and `-`",
            )

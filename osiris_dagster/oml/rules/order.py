"""Rules about `needs`: the order of steps, and which rows each step is given."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import replace_scalar, scalar_text
from osiris_dagster.oml.graph import find_cycles
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.meaning import quoted, several_names
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.nearest import did_you_mean, nearest
from osiris_dagster.specs.schema_faults import kind_of

_MOST_NAMES = 12


@rule("OML040", "Needs that are no list of step ids", example="needs: [orders, customers]")
def needs_list(context: Context) -> Iterator[Diagnostic]:
    """`needs` is a list of the ids of other steps.

    Left out, it means the step before; the empty list means that the step waits for nothing. An empty value could
    mean either, so it is refused.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: rows, config: {query: from df_rows}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [rows], config: {query: from df_rows}}
    """
    for step in context.steps:
        needs = step.body.get("needs")
        path = (*step.path, "needs")
        if step.needs_written and not isinstance(needs, list):
            fix = f"write needs: [{needs}]" if isinstance(needs, str) and needs in context.by_id else ""
            if needs is None:
                fix = "remove the key to wait for the step before, or write needs: [] to wait for nothing"
            message = f"`needs` must be a list of step ids, not {kind_of(needs)}"
            found = context.shown(path, needs)
            edits: tuple[Edit, ...] = ()
            if isinstance(needs, str) and (needs in context.by_id or not several_names(needs)):
                span = context.document.span(path)
                one = f"[{context.document.text[span.begin : span.end]}]"
                edits = replace_scalar(context.document, path, one, safe=needs in context.by_id)
            yield context.at(
                path, message, found=found, expected="a list of step ids", fix=fix or "write a list", edits=edits
            )
            continue
        for index, need in enumerate(needs or ()):
            if not isinstance(need, str):
                message = f"`needs` holds {kind_of(need)} where a step id is expected"
                found = context.shown((*path, index), need)
                yield context.at(
                    (*path, index),
                    message,
                    found=found,
                    expected="a step id",
                    fix="write an id as text",
                    edits=quoted(context, (*path, index), need),
                )


@rule("OML041", "A need that is no step", example="needs: [orders]")
def unknown_need(context: Context) -> Iterator[Diagnostic]:
    """`needs` names a step that the document does not have.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [row], config: {query: from df_rows}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [rows], config: {query: from df_rows}}
    """
    for path, step, need in _written_needs(context):
        if need not in context.by_id:
            others = [step_id for step_id in context.by_id if step_id != step.id]
            yield context.at(
                path,
                "`needs` names a step that does not exist",
                found=context.shown(path, need),
                expected=", ".join(others[:_MOST_NAMES]) + (", …" if len(others) > _MOST_NAMES else "") or "a step id",
                fix=did_you_mean(need.removeprefix("df_"), others) or "name an existing step, or remove it",
                edits=_need_edit(context, path, need, others),
            )


def _need_edit(context: Context, path: Path, need: str, others: list[str]) -> tuple[Edit, ...]:
    """Return the change to the id that is meant; a step's table `df_x` can only mean the step `x`."""
    bare = need.removeprefix("df_")
    near = bare if bare in others else nearest(bare, others)
    return replace_scalar(context.document, path, scalar_text(near), safe=near == bare) if near else ()


@rule("OML042", "A step that needs itself", example="needs: []")
def self_need(context: Context) -> Iterator[Diagnostic]:
    """A step cannot wait for itself: it would never start.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, needs: [rows], config: {query: select 1 as n}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, needs: [], config: {query: select 1 as n}}
    """
    for path, step, need in _written_needs(context):
        if need == step.id and context.by_id.get(need) is step:
            yield context.at(
                path, "the step needs itself", found=context.shown(path, need), expected="another step", fix="remove it"
            )


@rule("OML043", "A need named twice", advisory=True, example="needs: [orders, customers]")
def repeated_need(context: Context) -> Iterator[Diagnostic]:
    """A step is named once in `needs`; the second time has no effect and often stands for a forgotten step.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [rows, rows], config: {query: select 2}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [rows], config: {query: select 2}}
    """
    seen: set[tuple[int, str]] = set()
    for path, step, need in _written_needs(context):
        if (step.index, need) in seen:
            found = context.shown(path, need)
            yield context.at(path, "the step is needed twice", found=found, expected="every id once", fix="remove one")
        seen.add((step.index, need))


@rule("OML044", "Steps that need each other in a circle", example="needs: []")
def cycle(context: Context) -> Iterator[Diagnostic]:
    """The steps of the circle would wait for each other for ever.

    The message names the circle: each step needs the next one.

    Wrong:
        - {id: a, component: duckdb.processor, mode: transform, needs: [b], config: {query: select * from df_b}}
        - {id: b, component: duckdb.processor, mode: transform, needs: [a], config: {query: select * from df_a}}

    Right:
        - {id: a, component: duckdb.processor, mode: transform, needs: [], config: {query: select 1 as n}}
        - {id: b, component: duckdb.processor, mode: transform, needs: [a], config: {query: select * from df_a}}
    """
    needs = {step_id: [n for n in step.needs if n != step_id] for step_id, step in context.by_id.items()}
    for circle in find_cycles(needs):
        names = list(circle)
        if len(names) > _MOST_NAMES:
            names[_MOST_NAMES - 2 : -2] = [f"… ({len(names) - _MOST_NAMES} more)"]
        step = context.by_id[circle[0]]
        path = (*step.path, "needs")
        if circle[1] in step.needs and step.needs_written:
            path = (*path, step.needs.index(circle[1]))
        text = " -> ".join(names)
        yield context.at(
            path,
            f"the steps need each other in a circle: {text}",
            found=text,
            expected="steps that can be put in an order",
            fix="remove one of these needs",
        )


@rule("OML045", "A writer without exactly one input", example="needs: [orders]")
def writer_input(context: Context) -> Iterator[Diagnostic]:
    """A writer writes the rows of exactly one extractor or processor.

    Needs on other writers only set the order. With `needs` left out, the step before is meant: after another writer
    that gives no rows, so name the step whose rows are to be written.

    Wrong:
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: data/out.csv}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: data/out.csv}}
    """
    for step in context.steps:
        inputs = _data_inputs(step, context) if step.role == "writer" else None
        if inputs is None or len(inputs) == 1:
            continue
        before = [other.id for other in context.steps if other.id and other.role in ("extractor", "processor")]
        if inputs:
            fix = "join them in a duckdb.processor step first, or give each a writer of its own"
        else:
            fix = f"e.g. needs: [{before[-1]}]" if before else "add an extractor before it"
        found = f"{len(inputs)}: {', '.join(inputs[:_MOST_NAMES])}" if inputs else "no rows to write"
        yield context.at(
            _needs_path(step),
            f"the writer has {len(inputs) or 'no'} input{'s' * (len(inputs) > 1)}",
            key=not step.needs_written,
            found=found,
            expected="exactly one extractor or processor in `needs`",
            fix=fix,
        )


@rule("OML046", "An extractor that is given rows", advisory=True, example="needs: []")
def extractor_input(context: Context) -> Iterator[Diagnostic]:
    """An extractor reads from its source only; the rows of the steps it needs do not reach it.

    Such a need does set the order, which may be what is wanted. To work with the rows, use a processor.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: file, component: filesystem.csv_extractor, mode: read, needs: [rows], config: {path: data/in.csv}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: file, component: filesystem.csv_extractor, mode: read, needs: [], config: {path: data/in.csv}}
    """
    for step in context.steps:
        inputs = _data_inputs(step, context) if step.role == "extractor" and step.needs_written else None
        if inputs:
            yield context.at(
                _needs_path(step),
                "the extractor does not read the rows of the steps it needs; they only set the order",
                found=", ".join(inputs[:_MOST_NAMES]),
                expected="no extractor or processor in `needs`",
                fix="write needs: [] if the order does not matter, or use a processor to work with the rows",
            )


@rule("OML047", "A processor that follows a writer", advisory=True, example="needs: [orders]")
def processor_input(context: Context) -> Iterator[Diagnostic]:
    """A writer hands on no rows, so a processor that needs only writers has no tables to read.

    With `needs` left out, the step before is meant. Name the steps whose rows the SQL reads, or write `needs: []` for
    SQL that makes its own rows.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: data/out.csv}}
        - {id: more, component: duckdb.processor, mode: transform, config: {query: from df_rows}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: out, component: filesystem.csv_writer, mode: write, config: {path: data/out.csv}}
        - {id: more, component: duckdb.processor, mode: transform, needs: [rows], config: {query: from df_rows}}
    """
    for step in context.steps:
        writers = [need for need in step.needs if need in context.by_id and context.by_id[need].role == "writer"]
        if step.role == "processor" and writers and len(writers) == len(step.needs):
            yield context.at(
                _needs_path(step),
                "the processor needs only writers, which hand on no rows",
                key=not step.needs_written,
                found=", ".join(step.needs[:_MOST_NAMES]),
                expected="the extractors and processors whose rows the SQL reads",
                fix="name them in `needs`",
            )


def _written_needs(context: Context) -> Iterator[tuple[tuple[str | int, ...], StepText, str]]:
    """Yield path, step and id of every need that stands in the text as text."""
    for step in context.steps:
        needs = step.body.get("needs")
        for index, need in enumerate(needs if isinstance(needs, list) else ()):
            if isinstance(need, str):
                yield (*step.path, "needs", index), step, need


def _data_inputs(step: StepText, context: Context) -> tuple[str, ...] | None:
    """Return the needs that hand on rows; None when a need is unknown or of unknown role."""
    if step.needs_written and not isinstance(step.body.get("needs"), list):
        return None
    found = []
    for need in dict.fromkeys(step.needs):
        other = context.by_id.get(need)
        if other is None or not other.role:
            return None
        if other.role != "writer" and need != step.id:
            found.append(need)
    return tuple(found)


def _needs_path(step: StepText) -> tuple[str | int, ...]:
    return (*step.path, "needs") if step.needs_written else (*step.path, "component")

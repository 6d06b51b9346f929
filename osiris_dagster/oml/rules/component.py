"""Rules about the component of a step and about the mode that asks something of it."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.edits import replace_scalar
from osiris_dagster.oml.habits import MODES, VALUES
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.model import OML_MODES, oml_mode
from osiris_dagster.specs.nearest import certainly, nearest


@rule("OML036", "An unknown component", example="component: duckdb.processor")
def unknown_component(context: Context) -> Iterator[Diagnostic]:
    """The catalogue has no component of that name.

    `osiris components list` shows what there is.

    Wrong:
        - {id: rows, component: duckdb.procesor, mode: transform, config: {query: select 1 as n}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    for step in context.steps:
        if step.spec is None and isinstance(step.body.get("component"), str):
            path = (*step.path, "component")
            yield context.at(
                path,
                "there is no component of that name",
                found=context.shown(path, step.component),
                expected=", ".join(context.catalogue.names),
                fix=_component_fix(step, context),
                edits=() if context.catalogue.why_not(step.component) else _component_edit(context, step),
            )


def _component_fix(step: StepText, context: Context) -> str:
    """A package that should bring the component and cannot be used says more than a name that is alike."""
    if unusable := context.catalogue.why_not(step.component):
        return unusable.reason
    return _component_hint(step.component, step.mode, context) or "choose one of the catalogue"


def _component_edit(context: Context, step: StepText) -> tuple[Edit, ...]:
    names = context.catalogue.names
    sure = certainly(step.component, names)
    near = sure or nearest(step.component, names)
    return replace_scalar(context.document, (*step.path, "component"), near, safe=bool(sure)) if near else ()


def _component_hint(name: str, mode: str, context: Context) -> str:
    """Offer a similar name; for a family alone, or a wrong role, the family's component of the step's mode."""
    first, dot, role = name.partition(".")
    family = nearest(first, context.catalogue.families)
    own = [spec for spec in context.catalogue if spec.family == family]
    known = {spec.name.partition(".")[2]: spec.name for spec in own} if dot else {n: n for n in context.catalogue.names}
    if found := nearest(role if dot else name, known):
        return f"did you mean `{known[found]}`?"
    fitting = [spec.name for spec in own if mode in OML_MODES and spec.mode == OML_MODES[mode]]
    offered = fitting or [spec.name for spec in own]
    return f"the family {family} has {' and '.join(f'`{n}`' for n in offered)}" if offered else ""


@rule("OML037", "An unknown mode", example="mode: read")
def unknown_mode(context: Context) -> Iterator[Diagnostic]:
    """`mode` is `read`, `write` or `transform`.

    Extractors read, writers write, processors transform.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: process, config: {query: select 1 as n}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    for step in context.steps:
        if isinstance(step.body.get("mode"), str) and step.mode not in OML_MODES:
            path = (*step.path, "mode")
            meant = MODES.get(step.mode.lower()) or nearest(step.mode, OML_MODES)
            if step.spec is not None:
                meant = oml_mode(step.spec.mode)
            yield context.at(
                path,
                "a step has no such mode",
                found=context.shown(path, step.mode),
                expected="read, write or transform",
                fix=f"write mode: {meant}" if meant else "use one of the three",
                edits=replace_scalar(context.document, path, meant, safe=_loses_nothing(step, meant)) if meant else (),
            )


def _loses_nothing(step: StepText, meant: str) -> bool:
    """Tell whether nothing is lost with the old word: the component has one mode, and the word is no write mode."""
    word = step.mode.lower()
    how = {*VALUES["write_mode"].values(), *VALUES["write_mode"]} - {
        other for other, mode in MODES.items() if mode == meant
    }
    return step.spec is not None and word not in how


@rule("OML038", "A mode that the component does not have", example="mode: transform")
def mode_of_component(context: Context) -> Iterator[Diagnostic]:
    """The component cannot do what `mode` asks for.

    An extractor only reads, a writer only writes, a processor only transforms.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: read, config: {query: select 1 as n}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    for step in context.steps:
        if step.spec is None or step.mode not in OML_MODES or OML_MODES[step.mode] == step.spec.mode:
            continue
        wanted = oml_mode(step.spec.mode)
        wants = OML_MODES[step.mode]
        others = [s.name for s in context.catalogue if s.family == step.spec.family and s.mode == wants]
        instead = f", or the component {' or '.join(others)}" if others else ""
        yield context.at(
            (*step.path, "mode"),
            f"{step.component} is for `{wanted}`, not for `{step.mode}`",
            found=context.shown((*step.path, "mode"), step.mode),
            expected=wanted,
            fix=f"write mode: {wanted}{instead}",
            edits=replace_scalar(context.document, (*step.path, "mode"), wanted, safe=False),
        )

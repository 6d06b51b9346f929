"""Rules about `config.connection`: form, family, alias, and what a step may set beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import remove_entry, replace_scalar
from osiris_dagster.oml.params import substitute
from osiris_dagster.oml.references import Reference, find_connection, parse_reference
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.model import Override
from osiris_dagster.specs.nearest import did_you_mean, nearest
from osiris_dagster.specs.schema_faults import kind_of


@rule("OML060", "A connection reference of the wrong form", example='connection: "@duckdb.warehouse"')
def reference_form(context: Context) -> Iterator[Diagnostic]:
    """A connection is named as `@family.alias`, or `@family` for the family's default.

    The host, the user and the password stand in the connections file, never in OML.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: warehouse, table: orders}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
    """
    for step, path, text in _written(context):
        if text is not None and ("${" in text or parse_reference(text)):
            continue
        family = step.component.partition(".")[0] or "family"
        alias = text.lstrip("@").rpartition(".")[2] if text else ""
        fits = re.fullmatch(r"[A-Za-z0-9_-]{1,40}", alias)
        value = step.config["connection"]
        yield context.at(
            path,
            f"a connection is named as text, not {kind_of(value)}" if text is None else "this names no connection",
            found=context.shown(path, value),
            expected="@family.alias, or @family for its default",
            fix=f'write "@{family}.{alias}"' if fits else f'write e.g. "@{family}.main"',
            edits=_reference_edit(context, path, f"@{family}.{alias}") if fits else (),
        )


def _reference_edit(context: Context, path: Path, reference: str, *, other: bool = False) -> tuple[Edit, ...]:
    """Return the change to a reference; it is safe when nothing but the form changes and the connection exists."""
    known = {fact.reference for fact in context.connections or ()}
    return replace_scalar(context.document, path, f'"{reference}"', safe=not other and reference in known)


@rule("OML061", "A connection of another family", example='connection: "@duckdb.warehouse"')
def reference_family(context: Context) -> Iterator[Diagnostic]:
    """The component works with connections of its own family only.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@mysql.shop", table: orders}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.shop", table: orders}}
    """
    for step, path, reference in references_of(context):
        family = step.component.partition(".")[0] or reference.family
        if reference.family == family:
            continue
        known = _known(context, family)
        near = nearest(reference.family, (family,))
        fix = f'write "@{family}.{reference.alias}"' if near and reference.alias else ""
        yield context.at(
            path,
            f"{step.component} cannot use a connection of the family {reference.family}",
            found=context.shown(path, _form(reference)),
            expected=", ".join(known) or f"@{family}.alias",
            fix=fix or f"name a connection of the family {family}, or use a component of {reference.family}",
        )


@rule("OML062", "A connection that is not defined", example='connection: "@duckdb.warehouse"')
def unknown_alias(context: Context) -> Iterator[Diagnostic]:
    """The connections file has no connection of that alias, or the family has no default.

    A family's default is the alias with `default: true`, else the alias called `default`.
    This rule speaks only when the connections are known.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.wharehouse", table: orders}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
    """
    if context.connections is None:
        return
    for step, path, reference in references_of(context):
        if step.spec is not None and reference.family != step.spec.family:
            continue
        if find_connection(reference, context.connections) is None:
            known = _known(context, reference.family)
            if reference.alias:
                message = "there is no connection of that name"
            else:
                message = f"the family {reference.family} has no default connection"
            hint = did_you_mean(_form(reference), known) if reference.alias else ""
            yield context.at(
                path,
                message,
                found=context.shown(path, _form(reference)),
                expected=", ".join(known) or f"a connection of the family {reference.family}",
                fix=hint or "define it in osiris_connections.yaml" + (", or name one that exists" if known else ""),
                edits=_reference_edit(context, path, nearest(_form(reference), known), other=True) if hint else (),
            )


@rule("OML063", "A component that takes no connection", example="config: {query: select 1}")
def connection_not_taken(context: Context) -> Iterator[Diagnostic]:
    """The component works without a connection and would ignore it.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {connection: "@duckdb.a", query: select 1}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1}}
    """
    for step, path, _ in _written(context):
        if step.spec is not None and step.spec.connection == "none":
            yield context.at(
                path,
                f"{step.component} takes no connection",
                key=True,
                expected="no `connection`",
                fix="remove it",
                edits=remove_entry(context.document, path, safe=False),
            )


@rule("OML064", "A component that needs a connection", example='connection: "@mysql.shop"')
def connection_missing(context: Context) -> Iterator[Diagnostic]:
    """The component reaches its source or target through a connection, and the step names none.

    Wrong:
        - {id: in, component: postgres.extractor, mode: read, config: {table: orders}}

    Right:
        - {id: in, component: postgres.extractor, mode: read, config: {connection: "@postgres.shop", table: orders}}
    """
    for step in context.steps:
        if step.spec is None or step.spec.connection != "required" or step.config.get("connection") is not None:
            continue
        known = _known(context, step.spec.family)
        yield context.at(
            (*step.path, "config"),
            f"{step.component} needs a connection",
            key=True,
            expected=", ".join(known) or f"@{step.spec.family}.alias",
            fix=f'add connection: "{known[0] if known else f"@{step.spec.family}"}" to `config`',
        )


@rule(
    "OML065",
    "An option that only the connection may set",
    example='config: {connection: "@mysql.shop", table: orders}',
)
def forbidden_override(context: Context) -> Iterator[Diagnostic]:
    """The step names a connection and sets an option that belongs to it.

    A connection says where its password goes and how it is kept secret there: a step that changed the host would send
    it elsewhere. So beside `connection` a step sets none of the connection's fields, apart from those that the
    component's spec leaves to it: `database` for MySQL, `schema` for PostgreSQL and Supabase.

    Wrong:
        - id: in
          component: mysql.extractor
          mode: read
          config: {connection: "@mysql.shop", table: orders, host: db.example.com}

    Right:
        - id: in
          component: mysql.extractor
          mode: read
          config: {connection: "@mysql.shop", table: orders}
    """
    for path, name, text in _overrides(context, "forbidden"):
        yield context.at(
            path,
            f"`{name}` is set by the connection {text} and may not be set here",
            key=True,
            expected=f"`{name}` only in the connection",
            fix="remove it, or define another connection",
        )


@rule("OML066", "An option that hides the connection's", severity="warning")
def doubtful_override(context: Context) -> Iterator[Diagnostic]:
    """The step sets an option that its connection provides too; the step's value wins.

    It is allowed, and easily overlooked when the connection changes.

    Wrong:
        - id: in
          component: graphql.extractor
          mode: read
          config: {connection: "@graphql.api", query: "{ orders }", headers: {Accept: text/plain}}

    Right:
        - id: in
          component: graphql.extractor
          mode: read
          config: {connection: "@graphql.api", query: "{ orders }"}
    """
    for path, name, text in _overrides(context, "warning"):
        yield context.at(
            path,
            f"`{name}` is provided by the connection {text}; the value here goes before it",
            key=True,
            expected=f"`{name}` in one place",
            fix="remove it if the connection's value is meant",
        )


def _written(context: Context) -> Iterator[tuple[StepText, Path, str | None]]:
    """Yield step, path and text of every connection; None as text when it is something else."""
    for step in context.steps:
        if step.config.get("connection") is not None:
            value = substitute(step.config["connection"], context.params)
            yield step, (*step.path, "config", "connection"), value if isinstance(value, str) else None


def references_of(context: Context) -> Iterator[tuple[StepText, Path, Reference]]:
    """Yield step, path and meaning of every reference of the right form, where the component takes one."""
    for step, path, text in _written(context):
        reference = parse_reference(text or "")
        if reference is not None and (step.spec is None or step.spec.connection != "none"):
            yield step, path, reference


def _overrides(context: Context, policy: Override) -> Iterator[tuple[Path, str, str]]:
    for step, _, reference in references_of(context):
        options = step.spec.config_schema["properties"] if step.spec else {}  # another key is told as unknown
        for name, override in (step.spec.connection_fields if step.spec else {}).items():
            if override == policy and name in step.config and name in options:
                yield (*step.path, "config", name), name, _form(reference)


def _known(context: Context, family: str) -> list[str]:
    return [fact.reference for fact in context.connections or () if fact.family == family]


def _form(reference: Reference) -> str:
    return f"@{reference.family}.{reference.alias}".rstrip(".")

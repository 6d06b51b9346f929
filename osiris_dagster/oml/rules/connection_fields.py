"""Rules about the fields of the connections that a document uses; the connections file says where they stand."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.references import find_connection
from osiris_dagster.oml.rules.connections import references_of
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.specs.secrets import secret_fields


@rule("OML113", "An option that neither the step nor its connection sets", example="duckdb: {warehouse: {path: ...}}")
def set_by_nobody(context: Context) -> Iterator[Diagnostic]:
    """A connection may provide a required option, and this one does not.

    Add the field to the connection, or set it in the step where the component allows that. This rule speaks only when
    the connections are known.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.empty", table: orders}}
        # osiris_connections.yaml has duckdb: {empty: {}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
        # osiris_connections.yaml has duckdb: {warehouse: {path: data/warehouse.duckdb}}
    """
    for step, path, reference in references_of(context):
        fact = find_connection(reference, context.connections or ())
        if step.spec is None or fact is None or reference.family != step.spec.family:
            continue
        provided = {*step.spec.connection_fields, *secret_fields(step.spec)}
        for name in step.spec.config_schema.get("required", ()):
            if name in provided and name not in fact.fields and name not in step.config:
                yield context.at(
                    path,
                    f"{step.component} needs `{name}`, which {fact.reference} does not set",
                    found=", ".join(fact.fields) or "a connection without fields",
                    expected=f"`{name}` in the connection" + (f", {fact.place}" if fact.place else ""),
                    fix=f"add `{name}` to {fact.reference} in osiris_connections.yaml",
                )


@rule(
    "OML120",
    "A field of a connection that its family does not have",
    advisory=True,
    example="duckdb: {warehouse: {path: ...}}",
)
def unknown_field(context: Context) -> Iterator[Diagnostic]:
    """No component of the family takes this field from a connection, so it would have no effect.

    The place is in the connections file. Only connections that the document uses are looked at.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.misspelt", table: orders}}
        # osiris_connections.yaml has duckdb: {misspelt: {path: data/a.duckdb, pth: x}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
        # osiris_connections.yaml has duckdb: {warehouse: {path: data/warehouse.duckdb}}
    """
    yield from _faults(context, "OML120")


@rule("OML121", "A field of a connection with a wrong value", example="mysql: {shop: {port: 3306}}")
def wrong_value(context: Context) -> Iterator[Diagnostic]:
    """The field has another type, range or form than the components of the family take.

    A value with a variable in it is looked at only when the connection is used. The place is in the connections file.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.wrong", table: orders}}
        # osiris_connections.yaml has duckdb: {wrong: {path: [data/a.duckdb]}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
        # osiris_connections.yaml has duckdb: {warehouse: {path: data/warehouse.duckdb}}
    """
    yield from _faults(context, "OML121")


@rule("OML122", "A secret in clear in the connections file", severity="warning", example="password: ${SHOP_PASSWORD}")
def secret_in_clear(context: Context) -> Iterator[Diagnostic]:
    """The connections file is committed with the project; secrets stand in the environment or in `.env`.

    Wrong:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.open", table: orders}}
        # osiris_connections.yaml has duckdb: {open: {path: data/a.duckdb, token: abcdef}}

    Right:
        - {id: in, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.warehouse", table: orders}}
        # osiris_connections.yaml has duckdb: {warehouse: {path: data/warehouse.duckdb}}
    """
    yield from _faults(context, "OML122")


def _faults(context: Context, code: str) -> Iterator[Diagnostic]:
    """Yield the faults of every connection that a step names, once."""
    told: set[str] = set()
    for _, _, reference in references_of(context):
        fact = find_connection(reference, context.connections or ())
        if fact is not None and fact.reference not in told:
            told.add(fact.reference)
            yield from (fault for fault in fact.faults if fault.code == code)

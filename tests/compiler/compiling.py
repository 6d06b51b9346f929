"""Texts of OML in, compilations out: what the tests of the compiler share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from osiris_dagster.columns import Column
from osiris_dagster.compiler.compile import compile_pipeline
from osiris_dagster.compiler.draft import Compiled, Inputs
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import load_catalogue

FILE = "pipelines/p.yaml"
FACTS = (
    ConnectionFacts("duckdb", "ops", fields=("path",), default=True),
    ConnectionFacts("duckdb", "warehouse", fields=("path",), identity="wh"),
    ConnectionFacts("mysql", "shop", fields=("host", "database", "user", "password"), default=True),
    ConnectionFacts("postgres", "shop", fields=("host", "database", "user", "password"), default=True),
)


def inputs_of(text: str, **given: Any) -> Inputs:
    """Return the inputs of a valid text; `given` overrides single ones."""
    catalogue = given.get("catalogue", load_catalogue())
    found = validate(text, FILE, catalogue, connections=FACTS)
    assert found.pipeline is not None, found.diagnostics
    inputs = Inputs(found.pipeline, found.document, catalogue, connections=FACTS)
    return replace(inputs, **given)


def compiled(text: str, **given: Any) -> Compiled:
    """Compile a valid text."""
    return compile_pipeline(inputs_of(text, **given))


def lock_for(text: str, schemas: dict[str, dict[str, str]]) -> SchemaLock:
    """Return a lock that holds these columns for the steps as the text has them."""
    manifest = compiled(text).manifest
    return SchemaLock(
        {
            step: LockedSchema(manifest.step(step).fingerprint, tuple(Column(n, t) for n, t in columns.items()))
            for step, columns in schemas.items()
        }
    )

"""Validate again with the values that the parameters really have, where they are not the declared defaults."""

from __future__ import annotations

from osiris_dagster.compiler.draft import Draft
from osiris_dagster.errors import CompileError
from osiris_dagster.oml.validate import validate


def recheck_params(draft: Draft) -> Draft:
    """Return the draft; CompileError when a value from profile, environment or command line breaks a rule."""
    inputs = draft.inputs
    if draft.params == inputs.pipeline.params:
        return draft
    result = validate(
        inputs.document.text,
        inputs.pipeline.file,
        inputs.catalogue,
        connections=inputs.connections,
        mode="off",
        params=draft.params,
    )
    if result.errors:
        raise CompileError("a parameter's value breaks a rule", diagnostics=result.errors)
    return draft

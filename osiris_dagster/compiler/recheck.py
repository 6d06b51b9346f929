"""Validate again with the values that the parameters really have, where they are not the declared defaults."""

from __future__ import annotations

from dataclasses import replace

from osiris_dagster.canonical import canonical_json
from osiris_dagster.compiler.draft import Draft
from osiris_dagster.oml.validate import validate


def recheck_params(draft: Draft) -> Draft:
    """Add an error for every rule that a value from profile, environment or command line breaks."""
    inputs = draft.inputs
    # Not by `==`, for which 1 and true are one value.
    if canonical_json(dict(draft.params)) == canonical_json(dict(inputs.pipeline.params)):
        return draft
    result = validate(
        inputs.document.text,
        inputs.pipeline.file,
        inputs.catalogue,
        connections=inputs.connections,
        mode="off",
        params=draft.params,
    )
    return replace(draft, diagnostics=(*draft.diagnostics, *result.errors))

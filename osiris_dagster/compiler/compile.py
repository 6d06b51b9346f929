"""The compiler: PASSES names its passes in their order. Each takes a draft of the manifest and returns a fuller one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from osiris_dagster import __version__
from osiris_dagster.canonical import fingerprint, sha256
from osiris_dagster.codec import to_json
from osiris_dagster.compiler.blocks import planned
from osiris_dagster.compiler.check_faults import check_checks
from osiris_dagster.compiler.contract import check_contracts
from osiris_dagster.compiler.draft import Compiled, Draft, Inputs
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.params import resolve_params
from osiris_dagster.compiler.partitioning import check_partitions
from osiris_dagster.compiler.plan import name_datasets, plan_steps
from osiris_dagster.compiler.recheck import recheck_params
from osiris_dagster.compiler.sources import check_sources
from osiris_dagster.compiler.starts import check_starts
from osiris_dagster.compiler.trace import trace_columns
from osiris_dagster.compiler.types import bind_types
from osiris_dagster.errors import CompileError, Diagnostic
from osiris_dagster.oml.masking import with_sources
from osiris_dagster.oml.params import substitute_text

Pass = Callable[[Draft], Draft]

PASSES: tuple[Pass, ...] = (
    resolve_params,
    recheck_params,
    plan_steps,
    check_sources,
    name_datasets,
    check_starts,
    bind_types,
    check_partitions,
    check_checks,
    check_contracts,
    trace_columns,
)


def compile_pipeline(inputs: Inputs) -> Compiled:
    """Run the passes up to the first that finds an error; CompileError carries all that was found, errors first."""
    draft = Draft(inputs)
    found: tuple[Diagnostic, ...] = ()
    for step in PASSES:
        draft = step(draft)
        found = with_sources(draft.diagnostics, inputs.document, ())
        errors = [finding for finding in found if finding.severity == "error"]
        if errors:
            warnings = (finding for finding in found if finding.severity != "error")
            raise CompileError(errors[0].message, diagnostics=(*errors, *warnings))
    return Compiled(_manifest(draft), found)


def _manifest(draft: Draft) -> Manifest:
    pipeline = draft.inputs.pipeline
    intent = pipeline.metadata.get("intent")
    return Manifest(
        pipeline=pipeline.name,
        file=pipeline.file,
        oml_version=pipeline.oml_version,
        steps=draft.steps,
        description=substitute_text(pipeline.description, draft.params),
        intent="" if intent is None else substitute_text(str(intent), draft.params),
        owners=tuple(substitute_text(owner, draft.params) for owner in pipeline.owners),
        tags={name: substitute_text(text, draft.params) for name, text in pipeline.tags.items()},
        execution=pipeline.execution,
        params=_params(draft),
        fingerprints=_fingerprints(draft),
        **planned(pipeline, draft.params),
    )


def _params(draft: Draft) -> dict[str, Any]:
    return {name: draft.params[name] for name in sorted(draft.used_params)}


def _fingerprints(draft: Draft) -> dict[str, str]:
    inputs = draft.inputs
    specs = {step.component: inputs.catalogue.fingerprint(step.component) for step in draft.steps}
    extractors = {step.id for step in draft.steps if step.role == "extractor"}
    locked = {step: entry for step, entry in to_json(inputs.lock)["steps"].items() if step in extractors}
    used = {step.connection for step in draft.steps}
    places = {facts.reference: facts.identity for facts in inputs.connections if facts.reference in used}
    return {
        "compiler": f"osiris-dagster/{__version__}",
        "connections": fingerprint(places),
        "oml": "sha256:" + sha256(inputs.document.text),
        "params": fingerprint(_params(draft)),
        "schemas": fingerprint(locked),
        "specs": fingerprint(specs),
    }

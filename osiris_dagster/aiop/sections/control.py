"""What a person may do next, as commands made of ids and paths of the manifest alone; nothing here is ever executed."""

from __future__ import annotations

import shlex

from osiris_dagster.aiop.model.node import Ref
from osiris_dagster.aiop.model.package import Capability, ControlLayer
from osiris_dagster.aiop.sections.issues import issues
from osiris_dagster.aiop.sections.scope import Scope

_LONGEST_COMMAND = 400


def control_layer(scope: Scope) -> ControlLayer:
    """Return the draft of possible next steps: look closer, and after a bad end check the file and run it again."""
    names, record = scope.names, scope.facts.record
    run_id, file = shlex.quote(record.run_id), shlex.quote(scope.facts.manifest.file)
    first = next(iter(issues(scope)), None)
    issue, where = (first.id, first.about) if first else ("", names.run)
    capabilities = [
        _capability(
            "inspect", "Shows the run with its steps, rows and durations.", f"osiris runs view {run_id}", names.run
        ),
        _capability("read_log", "Shows what the run logged.", f"osiris logs show {run_id}", names.run),
    ]
    verify = f"osiris logs aiop verify {run_id}"
    capabilities.append(_capability("verify_package", "Checks that no byte of it changed.", verify, names.run))
    if record.status != "completed":
        capabilities += _looks_beyond(scope, issue)
        capabilities += [
            _capability("check_pipeline", "Checks the OML file.", f"osiris validate {file}", names.pipeline, issue),
            _capability(
                "rerun_step",
                "Runs the pipeline again, this step included; do it once the cause is removed.",
                f"osiris run {file}",
                where,
                issue,
            ),
        ]
    fitting = [capability for capability in capabilities if len(capability.command) <= _LONGEST_COMMAND]
    return ControlLayer(id="r:layer/control", draft=True, capabilities=tuple(fitting))


def _looks_beyond(scope: Scope, issue: Ref) -> list[Capability]:
    """Return where to look beyond the run: at the last one that succeeded, at what failed before it began."""
    names, before = scope.names, scope.facts.previous
    found = []
    if before:
        command = f"osiris runs view {shlex.quote(before.run_id)}"
        found.append(_capability("compare_success", "Shows the last run that succeeded.", command, names.run, issue))
    failed = next((item for item in scope.facts.upstream if item.state == "failed"), None)
    if failed:
        command = f"osiris runs list --pipeline {shlex.quote(failed.pipeline)}"
        what = "Lists the runs of a pipeline that failed to renew an input."
        found.append(_capability("inspect_upstream", what, command, names.pipeline, issue))
    return found


def _capability(name: str, description: str, command: str, about: Ref, remediates: Ref = "") -> Capability:
    return Capability(
        id=f"r:capability/{name}",
        name=name,
        description=description,
        command=command,
        dry_run=True,
        about=about,
        remediates=remediates,
    )

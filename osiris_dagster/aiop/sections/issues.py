"""What went wrong: one issue for each error, the first failing step first, with all that stopped because of it."""

from __future__ import annotations

from osiris_dagster.aiop.facts.normalize import first_failure
from osiris_dagster.aiop.model.issues import Cause, Frame, Issue
from osiris_dagster.aiop.sections.scope import UNKNOWN, Scope, once, timestamp
from osiris_dagster.errors import ErrorInfo
from osiris_dagster.steps.report import StepRecord


@once
def issues(scope: Scope) -> tuple[Issue, ...]:
    """Return the issues of the run; a failed run has at least one, about a step or about the run itself."""
    record = scope.facts.record
    first = first_failure(record)
    found = [(first, first.error or UNKNOWN)] if first else []
    found += [(s, s.error or UNKNOWN) for s in record.steps if s is not first and (s.error or s.status == "failed")]
    about_run = record.error or (UNKNOWN if record.status == "failed" and not first else None)
    result = [(step.step_id, step.end_ms, error, _severity(step)) for step, error in found]
    if about_run:
        result.insert(0 if first is None else len(result), ("", record.end_ms, about_run, "error"))
    times = [record.end_ms if ms is None else ms for _, ms, _, _ in result]
    ids = scope.names.evidence(
        "issue", [(step_id, error.type, ms) for (step_id, _, error, _), ms in zip(result, times, strict=True)]
    )
    return tuple(
        _issue(scope, evidence_id, seq, item[0], item[2], item[3], ms)
        for seq, (evidence_id, item, ms) in enumerate(zip(ids, result, times, strict=True), 1)
    )


def _severity(step: StepRecord) -> str:
    return "error" if step.status == "failed" else "warning"


def _issue(scope: Scope, evidence_id: str, seq: int, step_id: str, error: ErrorInfo, severity: str, ms: int) -> Issue:
    names, history = scope.names, scope.whole.history
    _, *causes = error.chain
    fingerprint = scope.fingerprints.get(step_id, UNKNOWN.fingerprint)
    same = [past for past in history if fingerprint in past.errors]
    return Issue(
        id=evidence_id,
        seq=seq,
        severity=severity,
        ts=timestamp(ms),
        about=names.step_run(step_id),
        error_type=error.type or UNKNOWN.type,
        message=error.message or UNKNOWN.message,
        code=error.code,
        fix=error.fix,
        retryable=error.retryable,
        fingerprint=fingerprint,
        first_seen=timestamp(min([past.start_ms for past in same], default=scope.facts.record.start_ms)),
        occurrences=len(same) + 1,
        runs_considered=len(history),
        frames=_frames(evidence_id, error),
        causes=tuple(_cause(evidence_id, number, cause) for number, cause in enumerate(causes, 1)),
        stopped=tuple(names.step_run(stopped) for stopped in _stopped(scope)) if seq == 1 else (),
        blast_radius=tuple(names.step(below) for below in downstream(scope, step_id)),
        untrusted=True,
    )


def _cause(issue_id: str, number: int, error: ErrorInfo) -> Cause:
    cause_id = f"{issue_id}/cause/{number}"
    return Cause(
        id=cause_id,
        seq=number,
        error_type=error.type or UNKNOWN.type,
        message=error.message,
        code=error.code,
        fix=error.fix,
        frames=_frames(cause_id, error),
    )


def _frames(owner: str, error: ErrorInfo) -> tuple[Frame, ...]:
    return tuple(
        Frame(
            id=f"{owner}/frame/{seq}",
            seq=seq,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            in_project=frame.in_project,
        )
        for seq, frame in enumerate(error.frames, 1)
    )


def _stopped(scope: Scope) -> list[str]:
    return [step.step_id for step in scope.facts.record.steps if step.status in ("aborted", "skipped")]


def downstream(scope: Scope, step_id: str) -> list[str]:
    """Return the steps that need this one, directly or not, in manifest order."""
    reached = {step_id}
    for plan in scope.facts.manifest.steps:  # each comes after its needs, so one pass is enough
        if not reached.isdisjoint(plan.needs):
            reached.add(plan.id)
    return [plan.id for plan in scope.facts.manifest.steps if plan.id in reached and plan.id != step_id]

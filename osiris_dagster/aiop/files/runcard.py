"""The run card: one page of Markdown for a person who has to act. The answer comes first, the evidence last."""

from __future__ import annotations

from osiris_dagster.aiop.files.markdown import block, code, table
from osiris_dagster.aiop.model.evidence import Artifact, Check, Output, Run, StepRun
from osiris_dagster.aiop.model.issues import Frame, Issue
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.sections.comparisons import changed, recurrence, stale_inputs, unusual, waiting
from osiris_dagster.aiop.sections.wording import counted, duration, moment, size

_MOST_STEPS = 50
_MOST_LINES = 20
_ENDINGS = {"completed": "completed", "failed": "failed", "canceled": "was canceled"}
_PAST = ("Before", "Since then", "Inputs")
_STOPPED = {"aborted": "stopped in its work", "skipped": "did not start"}


def run_card(package: Package, folder: str) -> str:
    """Return the card of a package that lies in `folder`; at most about 60,000 characters."""
    sections = [
        _headline(package),
        *([_failure(package, issue) for issue in package.evidence.issues[:1]]),
        _facts(package),
        _steps(package),
        _checks(package),
        _written(package),
        _notes(package),
        _next(package),
        _evidence(package, folder),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def withheld_card(package: Package, reasons: list[str]) -> str:
    """Return the card that stands in for a package that must not leave: nothing on it comes from outside."""
    run = package.run
    lines = [
        f"# A package was withheld: the run {_ENDINGS[run.status]} after {duration(run.duration_ms)}",
        "What was built of this run still looks like it holds a secret, so nothing of it was kept.",
        "\n".join(f"- {reason}" for reason in reasons),
        f"Run {code(run.dagster_run_id)} on {moment(run.start_time)}.",
        "Remove the secret where it is written in clear (OML file, file name, log line), then export the run again.",
    ]
    return "\n\n".join(lines) + "\n"


def _headline(package: Package) -> list[str]:
    run = package.run
    failed = next((step.step_id for step in package.evidence.step_runs if step.id == run.first_failure), "")
    where = f" at {code(failed)}" if failed else " outside its steps" if run.status == "failed" else ""
    return [f"# {code(package.pipeline.name)} {_ENDINGS[run.status]}{where} after {duration(run.duration_ms)}"]


def _failure(package: Package, issue: Issue) -> list[str]:
    attempts = _metric(_step_of(package, issue), "attempts") or 1
    tried = f" at attempt {attempts}" if attempts > 1 else ""
    lines = [f"**{code(issue.error_type)}**" + (f" ({code(issue.code)})" if issue.code else "") + f"{tried}:", ""]
    lines += [*block(issue.message), ""]
    if issue.fix:
        lines.append(f"- **Way out:** {code(issue.fix, 600)}")
    if issue.causes:
        lines.append(f"- **Root cause:** {_root(issue)}")
    if step := next((step for step in package.semantic.steps if step.id == _executed(package, issue)), None):
        lines.append(f"- **In the pipeline:** {code(f'{package.pipeline.file}:{step.line}')}")
    if frame := _deepest(issue):
        lines.append(f"- **In the code:** {code(f'{frame.file}:{frame.line}')} in {code(frame.function)}")
    if issue.stopped:
        lines.append(f"- **Stopped because of it:** {_stopped(package, issue)}")
    past = [recurrence(issue), changed(package.delta), stale_inputs(package.evidence)]
    lines += [
        f"- **{title}:** {code(statement.sentence, 600)}"
        for title, statement in zip(_PAST, past, strict=True)
        if statement.sentence
    ]
    if issue.retryable == "transient":
        lines.append("- **Trying again** can help: the error is of a passing kind.")
    return lines


def _root(issue: Issue) -> str:
    root = issue.causes[-1]
    if " ".join(root.message.split()) in " ".join(issue.message.split()):
        return f"raised as {code(root.error_type)}"
    return code(f"{root.error_type}: {root.message}", 400)


def _executed(package: Package, issue: Issue) -> str:
    """Return the planned step that an issue is about; empty for the run."""
    return next((step.executes for step in package.evidence.step_runs if step.id == issue.about), "")


def _step_of(package: Package, issue: Issue) -> StepRun | Run:
    return next((step for step in package.evidence.step_runs if step.id == issue.about), package.run)


def _deepest(issue: Issue) -> Frame | None:
    """Return the innermost frame of the project, looked for from the root cause outwards."""
    for frames in [*(cause.frames for cause in reversed(issue.causes)), issue.frames]:
        inside = [frame for frame in frames if frame.in_project]
        if inside:
            return inside[-1]
    return None


def _stopped(package: Package, issue: Issue) -> str:
    stopped = [step for step in package.evidence.step_runs if step.id in issue.stopped]
    named = [f"{code(step.step_id)} {_STOPPED[step.status]}" for step in stopped[:_MOST_LINES]]
    more = [f"and {len(stopped) - _MOST_LINES} more"] if len(stopped) > _MOST_LINES else []
    return "; ".join(named + more)


def _facts(package: Package) -> list[str]:
    run, pipeline = package.run, package.pipeline
    owners = f", owned by {', '.join(code(owner) for owner in pipeline.owners[:3])}" if pipeline.owners else ""
    rows = [
        f"{value:,} {word}"
        for name, word in (("rows_read", "read"), ("rows_written", "written"))
        if (value := _metric(run, name)) is not None
    ]
    memory = _metric(run, "peak_memory_bytes")
    partition = f", partition {code(run.partition)}" if run.partition else ""
    lines = [
        f"- **Pipeline:** {code(pipeline.name)} in {code(pipeline.file)}{owners}",
        f"- **Intent:** {code(pipeline.intent.text, 400)} ({_source(pipeline.intent.intent_source)})",
        f"- **Run:** {code(run.dagster_run_id)} on {moment(run.start_time)}{partition}",
    ]
    lines += [f"- **Rows:** {', '.join(rows)}"] if rows else []
    lines += [f"- **Peak memory:** {size(memory)}"] if memory is not None else []
    outlook = (("Unusual", unusual(package.delta, package.evidence)), ("Waiting", waiting(package.evidence)))
    lines += [f"- **{title}:** {code(statement.sentence, 600)}" for title, statement in outlook if statement.sentence]
    return lines


def _source(name: str) -> str:
    return "inferred from its steps" if name == "inferred" else f"from {code(name)}"


def _steps(package: Package) -> list[str]:
    steps = package.evidence.step_runs
    if not steps:
        return ["## Steps", "", "None was executed."]
    shown = [step for step in steps if step.status == "failed"][:_MOST_STEPS]
    shown += [step for step in steps if step.status != "failed"][: _MOST_STEPS - len(shown)]
    rows = [_row(step) for step in steps if step in shown]
    lines = ["## Steps", "", *table(["Step", "Status", "Rows in", "Rows out", "Time", "Peak memory"], rows)]
    left = (_metric(package.run, "steps_selected") or 0) - len(rows)
    if left > 0:
        lines += ["", f"{counted(left, 'more step')} not shown."]
    return lines


def _row(step: StepRun) -> list[str]:
    attempts = _metric(step, "attempts") or 1
    status = step.status + (f", {attempts} attempts" if attempts > 1 else "")
    took, memory = _metric(step, "duration_ms"), _metric(step, "peak_memory_bytes")
    return [
        code(step.step_id, 100),
        status,
        _number(_metric(step, "rows_in")),
        _number(_metric(step, "rows_out")),
        "" if took is None else duration(took),
        "" if memory is None else size(memory),
    ]


def _metric(owner: StepRun | Run, name: str) -> int | None:
    return next((metric.value for metric in owner.metrics if metric.metric_name == name), None)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _checks(package: Package) -> list[str]:
    """Return what the checks found, those that failed first."""
    checks = [(step, check) for step in package.evidence.step_runs for check in step.checks]
    if not checks:
        return []
    ranked = sorted(checks, key=lambda pair: (pair[1].passed, pair[1].severity))[:_MOST_LINES]
    rows = [[f"{code(step.step_id, 100)} {code(check.check_name, 100)}", _found(check)] for step, check in ranked]
    more = ["", f"{counted(len(checks) - len(rows), 'more check')} not shown."] if len(checks) > len(rows) else []
    return ["## Checks", "", *table(["Check", "Result"], rows), *more]


def _found(check: Check) -> str:
    if check.passed:
        return "passed"
    word = "**failed**" if check.severity == "error" else "warning"
    return f"{word}: {code(check.text, 300)}" if check.text else word


def _written(package: Package) -> list[str]:
    names = {dataset.id: dataset for dataset in package.semantic.datasets}
    lines = []
    for step in package.evidence.step_runs:
        for product in step.produces:
            if isinstance(product, Artifact):
                lines.append(
                    f"- file {code(product.path)}, {size(product.size_bytes)}, sha256 `{product.sha256[:16]}…`, "
                    f"by {code(step.step_id, 100)} ({_evidence_id(product)})"
                )
            elif names[product.version_of].kind == "table":
                lines.append(_table_line(names[product.version_of].name, product, step))
    if not lines:
        return []
    more = [f"- and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    return ["## Written", "", *lines[:_MOST_LINES], *more]


def _table_line(name: str, output: Output, step: StepRun) -> str:
    rows = f", {counted(output.records, 'row')}" if output.records is not None else ""
    total = f", {output.records_total:,} in all afterwards" if output.records_total is not None else ""
    return f"- table {code(name)}{rows}{total}, by {code(step.step_id, 100)} ({_evidence_id(output)})"


def _evidence_id(node: Artifact | Output | Issue) -> str:
    return f"`{node.id.removeprefix('r:evidence/')}`"


def _notes(package: Package) -> list[str]:
    steps = {step.id: step.step_id for step in package.evidence.step_runs}
    retries = [event for event in package.evidence.timeline if event.type == "step_retry"]
    notes = [(steps[event.verifies], event.log_message) for event in retries if event.verifies in steps]
    notes += [(step.step_id, note) for step in package.evidence.step_runs for note in step.notes]
    lines = [f"- {code(step_id, 100)}: {code(note, 300)}" for step_id, note in notes[:_MOST_LINES]]
    lines += [
        f"- left out to stay within the size: {lost.dropped:,} {lost.section}" for lost in package.metadata.truncations
    ]
    return ["## Notes", "", *lines] if lines else []


def _next(package: Package) -> list[str]:
    lines = [f"- {code(action.command, 400)} {_lower(action.description)}" for action in package.control.capabilities]
    return ["## Next", "", *lines]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _evidence(package: Package, folder: str) -> list[str]:
    issues = package.evidence.issues
    ends = [event.id for event in package.evidence.timeline if event.type in ("run_start", "run_end", "step_failed")]
    ids = [_evidence_id(issue) for issue in issues[:_MOST_LINES]]
    ids += [f"`{name.removeprefix('r:evidence/')}`" for name in ends[:_MOST_LINES]]
    lines = [f"- {name}" for name in ids]
    if issues:
        lines.append(f"- error fingerprint `{issues[0].fingerprint}`: equal for errors of the same kind")
    return ["## Evidence", "", *lines, "", f"Package {code(folder + '/core.jsonld')}, `{package.id}`"]

"""The brief: what a model or a person needs first, in at most 16,000 bytes. The answer comes first, the proof by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from osiris_dagster.aiop.files.markdown import block, code
from osiris_dagster.aiop.model.delta import Change
from osiris_dagster.aiop.model.evidence import Event, StepRun
from osiris_dagster.aiop.model.issues import Cause, Issue
from osiris_dagster.aiop.model.package import Package
from osiris_dagster.aiop.sections.comparisons import changed, measured, recurrence
from osiris_dagster.aiop.sections.wording import counted, duration, moment

MAX_BYTES = 16_000
_LEVELS = ((40, 2000, 20), (40, 1000, 10), (20, 600, 6), (10, 300, 3), (0, 200, 1))
"""Log lines, characters of a text, items of a list: from generous to bare."""


def brief(package: Package, folder: str) -> str:
    """Return the brief of a package that lies in `folder`; what does not fit is in the core, and the brief says so."""
    for level in _LEVELS:
        text = _written(package, folder, *level)
        if len(text.encode()) <= MAX_BYTES:
            return text
    return text.encode()[:MAX_BYTES].decode(errors="ignore")


def _written(package: Package, folder: str, lines: int, characters: int, items: int) -> str:
    sections: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("", lambda: _verdict(package)),
        ("Failure", lambda: _failure(package, characters)),
        ("Log before the failure", lambda: _log(package, lines, characters)),
        ("Since the last success", lambda: _changes(package, items, characters)),
        ("Unusual", lambda: _unusual(package, items)),
        ("Upstream", lambda: _upstream(package, items)),
        ("Affected", lambda: _affected(package, items)),
        ("Steps", lambda: _steps(package, items)),
        ("Look closer", lambda: _commands(package)),
        ("Left out", lambda: _left_out(package, folder)),
    )
    parts = [(title, list(section())) for title, section in sections]
    return "\n".join(line for title, body in parts if body for line in _section(title, body))


def _section(title: str, body: list[str]) -> list[str]:
    return [*([f"## {title}", ""] if title else []), *body, ""]


def _verdict(package: Package) -> Iterator[str]:
    run, delta = package.run, package.delta
    yield f"# {code(package.summary, 300)}"
    yield ""
    partition = f" of partition {code(run.partition)}" if run.partition else ""
    began = f"began on {moment(run.start_time)} and took {duration(run.duration_ms)}"
    yield f"Run {code(run.dagster_run_id)}{partition} {began}."
    if delta.failing_since:
        yield f"The pipeline has been failing since {moment(delta.failing_since)}."
    if delta.last_success_time:
        last = f"run {code(delta.last_success_run_id)}, {moment(delta.last_success_time)}"
        yield f"The last success was {last}."
    yield f"Purpose ({package.pipeline.intent.intent_source}): {code(package.pipeline.intent.text, 400)}"


def _failure(package: Package, characters: int) -> Iterator[str]:
    for issue in package.evidence.issues[:1]:
        step = _step_of(package, issue)
        attempts = next((m.value for m in step.metrics if m.metric_name == "attempts"), 1) if step else 1
        where = f"step {code(step.step_id)}, attempt {attempts}" if step else "the run itself"
        named = f" {issue.code}" if issue.code else ""
        yield f"First to fail: {where}. {code(issue.error_type)}{named}, fingerprint `{issue.fingerprint}`."
        if text := recurrence(issue).sentence:
            yield text
        yield ""
        yield from block(issue.message, limit=characters)
        yield ""
        if issue.fix:
            yield f"- way out: {code(issue.fix, 600)}"
        yield from (f"- caused by {code(f'{cause.error_type}: {cause.message}', 400)}" for cause in issue.causes)
        yield from (f"- at `{line}`" for line in _code_lines(package, issue))
        yield f"- evidence `{issue.id}`"
    others = len(package.evidence.issues) - 1
    if others > 0:
        yield f"- {counted(others, 'further issue')}: see evidence.issues"


def _code_lines(package: Package, issue: Issue) -> Iterator[str]:
    step = _step_of(package, issue)
    plan = next((item for item in package.semantic.steps if step and item.id == step.executes), None)
    if plan:
        yield f"{package.pipeline.file}:{plan.line}"
    links: list[Cause | Issue] = [*reversed(issue.causes), issue]
    frames = [frame for link in links for frame in reversed(link.frames)]
    for frame in [frame for frame in frames if frame.in_project][:1]:
        yield f"{frame.file}:{frame.line} {frame.function}"


def _step_of(package: Package, issue: Issue) -> StepRun | None:
    return next((step for step in package.evidence.step_runs if step.id == issue.about), None)


def _log(package: Package, lines: int, characters: int) -> Iterator[str]:
    logged: list[Event] = [event for event in package.evidence.timeline if event.type == "log"]
    if logged and lines and package.run.status != "completed":
        yield "Untrusted text, as the run logged it:"
        yield ""
        shown = (f"{event.ts[11:23]} {event.level}: {event.log_message[:characters]}" for event in logged[-lines:])
        yield from block("\n".join(shown), limit=lines * characters)


def _changes(package: Package, items: int, characters: int) -> Iterator[str]:
    delta = package.delta
    if not delta.changes:
        if text := changed(delta).sentence:
            yield text
        return
    for change in delta.changes[:items]:
        yield f"- {code(change.pointer)} {change.operation}{_values(change, min(characters, 300))} `{change.id}`"
    if len(delta.changes) > items:
        yield f"- and {len(delta.changes) - items} more: see delta.changes"


def _values(change: Change, characters: int) -> str:
    values = [code(value, characters) or "nothing" for value in (change.before, change.after)]
    return f": {values[0]} → {values[1]}" if change.before or change.after else ""


def _unusual(package: Package, items: int) -> Iterator[str]:
    steps = {step.id: step for step in package.evidence.step_runs}
    found = [item for item in package.delta.comparisons if item.judgement in ("anomaly", "changed")]
    for item in found[:items]:
        yield f"- {measured(item, steps)} `{item.id}`"


def _upstream(package: Package, items: int) -> Iterator[str]:
    names = {dataset.id: dataset.name for dataset in package.semantic.datasets}
    ordered = sorted(package.evidence.upstream, key=lambda item: item.state != "failed")
    for item in ordered[:items]:
        age = f", {duration(item.age_ms)} old" if item.age_ms is not None else ""
        by = f" by {code(item.written_by)}" if item.written_by else ""
        failed = f", a later attempt failed on {moment(item.failed_time)}" if item.failed_time else ""
        yield f"- {code(names.get(item.dataset, item.dataset))}: {item.state}{by}{age}{failed} `{item.id}`"


def _affected(package: Package, items: int) -> Iterator[str]:
    steps = {step.id: step.step_id for step in package.semantic.steps}
    for issue in package.evidence.issues[:1]:
        reached = [code(steps[name]) for name in issue.blast_radius if name in steps]
        if reached:
            more = f" and {len(reached) - items} more" if len(reached) > items else ""
            yield f"- steps that need the failed one: {', '.join(reached[:items])}{more}"
    for item in package.evidence.downstream[:items]:
        owners = f", owned by {', '.join(code(owner) for owner in item.owners[:3])}" if item.owners else ""
        yield f"- pipeline {code(item.name)} at distance {item.distance}{owners} `{item.id}`"


def _steps(package: Package, items: int) -> Iterator[str]:
    steps = sorted(package.evidence.step_runs, key=lambda step: step.status != "failed")
    for step in sorted(steps[:items], key=lambda step: step.seq):
        values = {metric.metric_name: metric.value for metric in step.metrics}
        rows = f", {counted(values['rows_out'], 'row')} out" if "rows_out" in values else ""
        took = f", {duration(values['duration_ms'])}" if "duration_ms" in values else ""
        yield f"- {code(step.step_id, 100)} {step.status}{rows}{took}"
    if len(steps) > items:
        yield f"- and {len(steps) - items} more: see evidence.step_runs"


def _commands(package: Package) -> Iterator[str]:
    for action in package.control.capabilities:
        yield f"- {code(action.command, 400)}: {action.description}"


def _left_out(package: Package, folder: str) -> Iterator[str]:
    paths = {shard.id: shard.path for shard in package.metadata.shards}
    for lost in package.metadata.truncations:
        where = f", all in {code(f'{folder}/{paths[lost.annex]}')}" if lost.annex else ""
        yield f"- {lost.dropped:,} {lost.section}{where}"
    for masked in package.metadata.redactions:
        yield f"- masked: {masked.kind}, {counted(masked.count, 'place')}"
    yield f"- everything with its proof: {code(f'{folder}/core.jsonld')} (`{package.id}`)"

"""The run told in four or five paragraphs: context, intent, execution, failure, outcome. Every claim cites evidence."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.aiop.facts.text import cut, distinct
from osiris_dagster.aiop.model.delta import DeltaLayer
from osiris_dagster.aiop.model.evidence import Artifact, EvidenceLayer, Output, Run, StepRun
from osiris_dagster.aiop.model.issues import Issue
from osiris_dagster.aiop.model.node import Ref
from osiris_dagster.aiop.model.package import Claim, NarrativeLayer
from osiris_dagster.aiop.sections.comparisons import Statement, changed, recurrence, stale_inputs, unusual, waiting
from osiris_dagster.aiop.sections.delta import delta_layer
from osiris_dagster.aiop.sections.evidence import evidence_layer
from osiris_dagster.aiop.sections.execution import run_of
from osiris_dagster.aiop.sections.scope import Scope
from osiris_dagster.aiop.sections.semantic import datasets_of, intent_of
from osiris_dagster.aiop.sections.wording import counted, duration, listed, moment, size
from osiris_dagster.steps.report import StepRecord

_ORIGINS = {
    "cli": "from the command line",
    "schedule": "by its schedule",
    "sensor": "by a sensor",
    "backfill": "by a backfill",
    "ui": "from the Dagster UI",
}
_INTENTS = {
    "metadata.intent": "The file states its purpose:",
    "description": "The file describes it:",
    "commit": "The commit that brought the file states its purpose:",
    "inferred": "The file states no purpose. Judging by its steps:",
}
_ENDINGS = {"completed": "The run completed.", "failed": "The run failed.", "canceled": "The run was canceled."}
_QUOTED = 300
"""Characters of an error message that a paragraph quotes; the issue has all of it."""
_SHOWN_STEPS = 6
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class _Story:
    """What the paragraphs are made from."""

    scope: Scope
    run: Run
    evidence: EvidenceLayer
    delta: DeltaLayer

    def event(self, kind: str, step_id: str = "") -> list[Ref]:
        """Id of the first event of a kind; nothing when the timeline does not show it."""
        about = self.scope.names.step_run(step_id)
        return [event.id for event in self.evidence.timeline if (event.type, event.verifies) == (kind, about)][:1]

    def metric(self, name: str, step_id: str = "") -> list[Ref]:
        """Id of a metric of a step run, or of the run; nothing when it was not measured."""
        about = self.scope.names.step_run(step_id)
        owners: tuple[Run | StepRun, ...] = (self.run, *self.evidence.step_runs)
        return [
            metric.id for owner in owners if owner.id == about for metric in owner.metrics if metric.metric_name == name
        ]


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """One paragraph: sentences, and the ids that prove them."""

    topic: str
    sentences: list[str]
    cites: list[Ref]


def narrative_layer(scope: Scope) -> NarrativeLayer:
    """Return the paragraphs; each cites ids that exist in the run, the evidence or the intent."""
    story = _Story(scope, run_of(scope), evidence_layer(scope), delta_layer(scope))
    paragraphs = [_context(story), _intent(story), _execution(story)]
    paragraphs += [_failure(story)] if story.evidence.issues else []
    paragraphs += [_outcome(story)]
    claims = [
        Claim(
            id=f"r:claim/{paragraph.topic}",
            seq=seq,
            topic=paragraph.topic,
            text=cut(" ".join(" ".join(paragraph.sentences).split()), _LONGEST),
            cites=tuple(dict.fromkeys(paragraph.cites)),
            untrusted=paragraph.topic in ("intent", "failure"),
        )
        for seq, paragraph in enumerate(paragraphs, 1)
    ]
    return NarrativeLayer(id="r:layer/narrative", claims=tuple(claims))


def _context(story: _Story) -> _Paragraph:
    manifest, record, totals = story.scope.facts.manifest, story.scope.facts.record, story.scope.totals
    origin = _ORIGINS.get(record.origin, f"by {record.origin}")
    partition = f" for partition {_quoted(record.partition)}" if record.partition else ""
    owners = listed(list(distinct(manifest.owners)), most=3)
    siblings = listed([_quoted(name) for name in record.siblings], most=3)
    steps, started = counted(totals.steps, "step"), moment(story.run.start_time)
    sentences = [
        f"The pipeline {_quoted(manifest.pipeline)} has {steps} and is written in {manifest.file}.",
        f"It belongs to {owners}." if owners else "",
        f"This run was started {origin} on {started}{partition} and used the {record.engine} engine.",
        f"It was asked for {totals.selected:,} of the steps." if totals.selected < totals.steps else "",
        f"It follows run {record.parent_run_id}, which it executes again." if record.parent_run_id else "",
        f"The same Dagster run also covered {siblings}." if siblings else "",
    ]
    return _Paragraph("context", sentences, story.event("run_start") + story.metric("steps_selected"))


def _intent(story: _Story) -> _Paragraph:
    intent = intent_of(story.scope)
    return _Paragraph("intent", [_INTENTS[intent.intent_source], _sentence(intent.text)], [intent.id])


def _execution(story: _Story) -> _Paragraph:
    totals, steps = story.scope.totals, story.scope.facts.record.steps
    done = [step for step in steps if step.status == "completed"]
    retried = [step for step in steps if step.attempts > 1]
    memory = totals.peak_memory_bytes
    sentences = [
        _progress(story),
        _movements(story.scope, done),
        f"More than one attempt was needed by {_names(retried)}." if retried else "",
        f"The process used at most {size(memory)} of memory." if memory is not None else "",
    ]
    cites = story.metric("steps_completed") + story.metric("duration_ms") + story.metric("peak_memory_bytes")
    for step in done[:_SHOWN_STEPS]:
        cites += story.metric("rows_out", step.step_id) or story.event("step_complete", step.step_id)
    for step in retried[:_SHOWN_STEPS]:
        cites += story.metric("attempts", step.step_id)
    return _Paragraph("execution", sentences, cites)


def _progress(story: _Story) -> str:
    total, finished = story.scope.totals.selected, story.scope.totals.statuses.get("completed", 0)
    spent = duration(story.run.duration_ms)
    if not total:
        return "No step was executed."
    if not finished:
        none = "The one step did not complete" if total == 1 else f"None of the {total:,} steps completed"
        return f"{none}; the run took {spent}."
    if finished < total:
        return f"{finished:,} of {counted(total, 'step')} completed; the run took {spent}."
    return (
        f"The one step completed; the run took {spent}." if total == 1 else f"All {total:,} steps completed in {spent}."
    )


def _movements(scope: Scope, done: list[StepRecord]) -> str:
    moves = [sentence for step in done if (sentence := _moved(scope, step))]
    rest = scope.totals.statuses.get("completed", 0) - len(moves[:_SHOWN_STEPS])
    more = [f"and so on for {counted(rest, 'more step')}"] if moves and rest else []
    return "; ".join(moves[:_SHOWN_STEPS] + more) + "." if moves else ""


def _moved(scope: Scope, step: StepRecord) -> str:
    """Say in a few words what a completed step did to rows."""
    if step.rows_out is None:
        return ""
    role, name, rows = scope.plans[step.step_id].role, _quoted(step.step_id), counted(step.rows_out, "row")
    if role == "processor" and step.rows_in is not None:
        return f"{name} turned {counted(step.rows_in, 'row')} into {step.rows_out:,}"
    verb = {"extractor": "read", "writer": "wrote", "processor": "produced"}[role]
    return f"{name} {verb} {rows}"


def _failure(story: _Story) -> _Paragraph:
    first, *others = story.evidence.issues
    step_id = next((step.step_id for step in story.evidence.step_runs if step.id == first.about), "")
    code = f" ({first.code})" if first.code else ""
    sentences = [f"{_stopped_at(story, step_id)} with {first.error_type}{code}: {_quoted(_short(first.message))}."]
    sentences += [_root(first)] if first.causes else []
    sentences += _stopped(story, first)
    sentences.append(f"The way out: {_sentence(_short(first.fix))}" if first.fix else "")
    sentences.append(f"{counted(len(others), 'further issue')} {_was(len(others))} recorded." if others else "")
    cites = [first.id, *story.event("step_failed", step_id), *(other.id for other in others[:5])]
    past = [recurrence(first), changed(story.delta), stale_inputs(story.evidence)]
    return _with("failure", sentences, cites, past)


def _with(topic: str, sentences: list[str], cites: list[Ref], more: list[Statement]) -> _Paragraph:
    return _Paragraph(
        topic,
        sentences + [statement.sentence for statement in more],
        cites + [name for statement in more for name in statement.cites],
    )


def _root(issue: Issue) -> str:
    root = issue.causes[-1]
    if " ".join(root.message.split()) in " ".join(issue.message.split()):
        return f"It was raised as {root.error_type}."
    return f"At the root of it is {root.error_type}: {_quoted(_short(root.message))}."


def _stopped_at(story: _Story, step_id: str) -> str:
    if not step_id:
        return "The run itself stopped"
    attempts = story.scope.records[step_id].attempts
    tried = f" at attempt {attempts}" if attempts > 1 else ""
    return f"Step {_quoted(step_id)} ({story.scope.plans[step_id].component}) stopped{tried}"


def _stopped(story: _Story, issue: Issue) -> list[str]:
    names = story.scope.names
    stopped = [step for step in story.scope.facts.record.steps if names.step_run(step.step_id) in issue.stopped]
    aborted = [step for step in stopped if step.status == "aborted"]
    skipped = [step for step in stopped if step.status == "skipped"]
    return [
        f"{_names(aborted)} had to stop with it." if aborted else "",
        f"Because of it {_names(skipped)} did not start." if skipped else "",
    ]


def _outcome(story: _Story) -> _Paragraph:
    rows = story.scope.totals.rows_written
    made = [product for step in story.evidence.step_runs for product in step.produces]
    noted = [(step, step.notes[0]) for step in story.evidence.step_runs if step.notes]
    sentences = [
        _ENDINGS[story.run.status],
        *_interrupted(story.scope),
        *_written(story, made),
        f"In all, {counted(rows, 'row')} {_was(rows)} committed." if rows is not None else "",
        *(f"A note on {_quoted(step.step_id)}: {_sentence(_short(note))}" for step, note in noted[:3]),
    ]
    cites = story.event("run_end") + story.metric("rows_written") + story.metric("duration_ms")
    cites += [product.id for product in made[:8]]
    ended_well = story.run.status == "completed"
    statements = [unusual(story.delta, story.evidence)] + ([] if ended_well else [waiting(story.evidence)])
    return _with("outcome", sentences, cites, statements)


def _interrupted(scope: Scope) -> list[str]:
    if scope.facts.record.status != "canceled":
        return []
    steps = scope.facts.record.steps
    under_way = [step for step in steps if step.status in ("canceled", "aborted")]
    waiting = [step for step in steps if step.status == "skipped"]
    return [
        f"{_names(under_way)} {_was(len(under_way))} under way and {_was(len(under_way))} stopped."
        if under_way
        else "",
        f"{_names(waiting)} had not started." if waiting else "",
    ]


def _written(story: _Story, made: list[Artifact | Output]) -> list[str]:
    if not made:
        return ["It wrote nothing." if story.run.status == "completed" else "Nothing was written."]
    names = {dataset.id: dataset.name for dataset in datasets_of(story.scope)}
    outputs = [names[product.version_of] for product in made if isinstance(product, Output)]
    files = [product for product in made if isinstance(product, Artifact)]
    total = size(sum(file.size_bytes for file in files))
    return [
        f"It wrote {listed(list(dict.fromkeys(outputs)) or [file.path for file in files], most=4)}.",
        f"{counted(len(files), 'file')} of {total} {_was(len(files))} recorded with a digest." if files else "",
    ]


def _names(steps: list[StepRecord]) -> str:
    return listed([_quoted(step.step_id) for step in steps])


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _quoted(name: str) -> str:
    return f"“{cut(name, _QUOTED)}”"


def _short(text: str) -> str:
    return cut(" ".join(text.split()), _QUOTED)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."

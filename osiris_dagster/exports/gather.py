"""Everything that a package is made from, gathered around the record of its run: the plan, the past, the neighbours."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from dagster import DagsterInstance

from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.assets.keys import aiop_key
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load, source_text
from osiris_dagster.errors import CompileError
from osiris_dagster.exports.neighbours import Neighbour, downstream_of, writers_of
from osiris_dagster.git.trailers import trailers_of
from osiris_dagster.project import Project
from osiris_dagster.runs.history import read_history
from osiris_dagster.runs.past import PastRun
from osiris_dagster.runs.read import read_run
from osiris_dagster.runs.record import RunRecord
from osiris_dagster.runs.upstream import read_upstream
from osiris_dagster.specs.load import load_catalogue

INTENT = "Osiris-Intent"
"""The trailer of a commit that says what its pipelines are for."""


def gather(
    instance: DagsterInstance,
    project: Project,
    record: RunRecord,
    manifest: Manifest,
    around: tuple[Neighbour, ...],
) -> Facts:
    """Return the facts of a run but for connections and options, which are the project's and not the run's."""
    catalogue = load_catalogue()
    history = read_history(instance, aiop_key(record.pipeline), record)
    previous, plan = _last_success(instance, project, record, history)
    writers = {
        key: tuple(writer for writer in found if writer[0] != manifest.pipeline)
        for key, found in writers_of(around).items()
    }
    text = source_text(project.build, record.pipeline, record.manifest_hash)
    stated = manifest.intent.strip() or manifest.description.strip()
    reads = [dataset.key for step in manifest.steps for dataset in step.reads]
    return Facts(
        record=record,
        manifest=manifest,
        oml=text,
        specs={name: spec for step in manifest.steps if (spec := catalogue.get(name := step.component))},
        history=history,
        previous=previous,
        previous_manifest=plan,
        upstream=read_upstream(instance, reads, writers, record.start_ms),
        downstream=downstream_of(manifest, around),
        commit_intent="" if stated else " ".join(trailers_of((project.root / manifest.file).parent, text, INTENT)),
    )


def _last_success(
    instance: DagsterInstance, project: Project, record: RunRecord, history: tuple[PastRun, ...]
) -> tuple[RunRecord | None, Manifest | None]:
    """Return the last success of the same manifest, else of the pipeline, with its manifest; None when it is gone."""
    done = [past for past in reversed(history) if past.status == "completed"]
    done.sort(key=lambda past: past.manifest_hash != record.manifest_hash)
    for past in done[:1]:
        with suppress(CompileError):  # its manifest is not kept any more
            found = {item.pipeline: item for item in read_run(instance, project, past.run_id)}
            if record.pipeline in found:
                before = replace(found[record.pipeline], events=())
                return before, load(project.build, before.pipeline, before.manifest_hash)
    return None, None

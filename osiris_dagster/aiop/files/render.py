"""The files of a package beside its annex, all made from the same model: name -> bytes."""

from __future__ import annotations

from collections.abc import Iterable

from osiris_dagster.aiop.files.brief import brief
from osiris_dagster.aiop.files.bundle import bundle
from osiris_dagster.aiop.files.folder import CARD, CORE, DIGESTS, VERDICT
from osiris_dagster.aiop.files.openlineage import openlineage
from osiris_dagster.aiop.files.rocrate import METADATA, WORKFLOW, ro_crate
from osiris_dagster.aiop.files.runcard import run_card
from osiris_dagster.aiop.files.runlog import metrics, run_log
from osiris_dagster.aiop.model.shards import Shard
from osiris_dagster.aiop.sections.build import Built

BRIEF, BUNDLE, RUN_LOG, METRICS, OPENLINEAGE = (
    "brief.md",
    "bundle.txt",
    "run.log.jsonl",
    "metrics.json",
    "openlineage.ndjson",
)


def render(built: Built, folder: str, shards: Iterable[Shard]) -> dict[str, bytes]:
    """Return the files of a package that will lie in `folder` with these shards."""
    package = built.package
    source = package.semantic.source
    files = {
        CORE: built.core,
        CARD: run_card(package, folder).encode(),
        BRIEF: brief(package, folder).encode(),
        BUNDLE: bundle(package).encode(),
        RUN_LOG: run_log(package),
        METRICS: metrics(package),
        OPENLINEAGE: openlineage(package),
        WORKFLOW: (source.text if source else "").encode(),
    }
    return {**files, METADATA: ro_crate(package, [*files, VERDICT, DIGESTS, *(shard.file for shard in shards)])}

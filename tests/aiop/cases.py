"""The golden cases: what a run left, and the package that must come out of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from osiris_dagster.aiop.child import Exporter, Job
from osiris_dagster.aiop.disk.result import ExportResult
from osiris_dagster.aiop.facts.facts import Facts, checked
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.facts.normalize import normalize
from osiris_dagster.aiop.facts.options import Options
from osiris_dagster.aiop.facts.trim import EVERYTHING
from osiris_dagster.aiop.files.annex import Spool, write_annex
from osiris_dagster.aiop.files.runcard import run_card
from osiris_dagster.aiop.sections.build import Built, build
from osiris_dagster.aiop.sections.scope import scope_of
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.redaction import Redactor

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
ALONE = {
    "history": [],
    "previous": None,
    "previous_manifest": None,
    "commit_intent": "",
    "upstream": [],
    "downstream": [],
    "options": to_json(Options()),
}
CASES = tuple(sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir()))


def raw_facts(case: str) -> Facts:
    """Facts as a run leaves them, nothing cleaned yet."""
    folder = GOLDEN / case
    catalogue = json.loads((HERE / "catalogue.json").read_text(encoding="utf-8"))
    value = {
        "record": json.loads((folder / "record.json").read_text(encoding="utf-8")),
        "manifest": json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
        "oml": (folder / "pipeline.yaml").read_text(encoding="utf-8"),
        "oml_sha256": "",
        **ALONE,
        **catalogue,
    }
    if (folder / "around.json").exists():
        value |= json.loads((folder / "around.json").read_text(encoding="utf-8"))
    return checked(from_json(Facts, value))


def built(case: str) -> Built:
    """The package of a case as an export builds it, with its annex."""
    normalized = normalize(scrub(raw_facts(case), Redactor()))
    with tempfile.TemporaryDirectory() as folder:
        shards = write_annex(scope_of(normalized, EVERYTHING), logs(case), Path(folder))
    return build(normalized, shards)


def export_in_child(job: Job, timeout: float) -> ExportResult:
    """One package, by a process of its own."""
    with Exporter() as exporter:
        return exporter.export(job, timeout)


def logs(case: str) -> Spool:
    path = GOLDEN / case / "logs.jsonl"
    return Spool(path if path.exists() else None)


def card(package: Built) -> str:
    return run_card(package.package, f"aiop/{package.names.folder}/{package.names.fingerprint}")

"""A package on disk: sealed with its verdict, written as a whole or not at all, listed in an index.

aiop/index.jsonl                      one line for each package
aiop/latest, aiop/<pipeline>/latest   the newest valid package
aiop/<pipeline>/<run fingerprint>/    core.jsonld, run-card.md, verdict.json, digests.json
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from osiris_dagster.aiop.build import Built, build
from osiris_dagster.aiop.facts import Facts
from osiris_dagster.aiop.gates.judge import Verdict, judge
from osiris_dagster.aiop.index import Entry, enter, locked
from osiris_dagster.aiop.result import ExportResult
from osiris_dagster.aiop.runcard import run_card, withheld_card
from osiris_dagster.aiop.tripwire import tripwire
from osiris_dagster.atomic import replacing
from osiris_dagster.canonical import readable_json, sha256

CORE, CARD, VERDICT, DIGESTS = "core.jsonld", "run-card.md", "verdict.json", "digests.json"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A package ready to be written: its line in the index, its verdict, its files by name."""

    entry: Entry
    verdict: Verdict
    files: dict[str, bytes]


def export(facts: Facts, root: Path) -> ExportResult:
    """Build, judge and write the package of clean facts. AiopError when none can be built, OSError from the disk."""
    sealed = seal(facts)
    write_package(root, sealed)
    return ExportResult(
        folder=sealed.entry.folder,
        fingerprint=sealed.entry.fingerprint,
        valid=sealed.verdict.valid,
        reasons=sealed.verdict.reasons,
        core_bytes=len(sealed.files.get(CORE, b"")),
        triples=sealed.verdict.triples,
    )


def seal(facts: Facts) -> Sealed:
    """Build and judge a package; when it still looks like it holds a secret, a card that says so replaces it."""
    built = build(facts)
    entry = _entry(built)
    content = {CORE: built.core, CARD: run_card(built.package, f"aiop/{entry.folder}").encode()}
    hits = tripwire(built.core, content[CARD])
    verdict = Verdict({"tripwire": hits}, ("all others",)) if hits else judge(built.core)
    if hits:
        content = {CARD: withheld_card(built.package, [hit.message for hit in hits]).encode()}
    content[VERDICT] = readable_json({"package": built.names.package, **verdict.as_dict()}).encode()
    content[DIGESTS] = _digests(content, verdict)
    judged = replace(entry, valid=verdict.valid, core_sha256=verdict.core_sha256)
    return Sealed(judged, verdict, content)


def write_package(root: Path, sealed: Sealed) -> Path:
    """Put a package into its folder, list it, and move the pointers to the newest valid one.

    Writing the same package again changes nothing. Raises OSError with the earlier package still in place.
    """
    target = root / sealed.entry.folder
    with locked(root):
        if _read(target) != sealed.files:
            _replace_folder(target, sealed.files)
        enter(root, sealed.entry)
    return target


def _entry(built: Built) -> Entry:
    run = built.package.run
    return Entry(
        folder=f"{built.names.folder}/{built.names.fingerprint}",
        pipeline=built.package.pipeline.name,
        fingerprint=built.names.fingerprint,
        run_id=run.dagster_run_id,
        status=run.status,
        start_time=run.start_time,
        end_time=run.end_time,
        valid=False,
        core_sha256="",
    )


def _digests(content: dict[str, bytes], verdict: Verdict) -> bytes:
    files = {name: {"bytes": len(data), "sha256": sha256(data)} for name, data in content.items()}
    return readable_json({"files": files, "graph_sha256": verdict.graph_sha256}).encode()


def _read(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _replace_folder(target: Path, files: dict[str, bytes]) -> None:
    """Make the folder beside its place and rename it; a folder that was there is moved away first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    old = fresh.with_suffix(".old")
    try:
        for name, data in files.items():
            with replacing(fresh / name) as path:
                path.write_bytes(data)
        fresh.chmod(0o755)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)

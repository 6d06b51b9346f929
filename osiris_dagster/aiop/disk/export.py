"""A package on disk: sealed with its verdict, written as a whole or not at all, listed in an index.

aiop/index.jsonl                      one line for each package
aiop/latest, aiop/<pipeline>/latest   the newest valid package
aiop/<pipeline>/<run fingerprint>/    the files that `render.py` names, annex/, verdict.json, digests.json
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from osiris_dagster.aiop.disk.index import Entry, enter, locked
from osiris_dagster.aiop.disk.result import ExportResult
from osiris_dagster.aiop.disk.retention import apply_retention
from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.normalize import normalize
from osiris_dagster.aiop.facts.trim import EVERYTHING
from osiris_dagster.aiop.files.annex import Spool, write_annex
from osiris_dagster.aiop.files.folder import CARD, CORE, DIGESTS, VERDICT, differs, digests, put
from osiris_dagster.aiop.files.render import render
from osiris_dagster.aiop.files.runcard import withheld_card
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.gates.judge import Verdict, judge
from osiris_dagster.aiop.gates.secret_scan import tripwire
from osiris_dagster.aiop.model.shards import FOLDER
from osiris_dagster.aiop.sections.build import Built, build
from osiris_dagster.aiop.sections.scope import scope_of
from osiris_dagster.canonical import readable_json

FOREIGN = "AIO035"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A package ready to be put into its place: its line in the index, its verdict, its files by name.

    The annex is not in `files`: it lies in the folder in which the package was sealed.
    """

    entry: Entry
    verdict: Verdict
    files: dict[str, bytes]
    annex_dir: str = ""  # where the annex belongs, relative to the package; empty: in it
    errors: tuple[str, ...] = ()  # fingerprints


def export(
    facts: Facts, root: Path, logs: Spool | None = None, annexes: Path | None = None, *, foreign: int = 0
) -> ExportResult:
    """Build, judge and write the package of clean facts, its annex below `annexes` where that is given.

    `foreign` texts in it hold a secret of a connection that the pipeline does not name: then it is withheld. Raises
    AiopError when none can be built, OSError from the disk.
    """
    with staging_folder(root) as folder:
        sealed = seal(facts, folder, logs, _away(root, annexes), foreign=foreign)
        write_package(root, sealed, folder)
    apply_retention(root, sealed.entry.folder.partition("/")[0], facts.options)
    return ExportResult(
        folder=sealed.entry.folder,
        fingerprint=sealed.entry.fingerprint,
        valid=sealed.verdict.valid,
        reasons=sealed.verdict.reasons,
        core_bytes=len(sealed.files.get(CORE, b"")),
        triples=sealed.verdict.triples,
        errors=sealed.errors,
    )


def _away(root: Path, annexes: Path | None) -> str:
    """Return the way from a package to the folder of annexes; a package lies two folders below the root."""
    return Path(os.path.relpath(annexes, root / "pipeline" / "run")).as_posix() if annexes else ""


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Yield a folder beside the packages in which one can be made; what is left of it goes away."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".", suffix=".new", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal(facts: Facts, folder: Path, logs: Spool | None = None, annexes: str = "", *, foreign: int = 0) -> Sealed:
    """Build and judge a package in an empty folder; one that still looks like it holds a secret is withheld.

    `annexes` is the folder of annexes as seen from the package, when its own is to lie there.
    """
    normalized = normalize(facts)
    shards = write_annex(scope_of(normalized, EVERYTHING), logs or Spool(), folder)
    built = build(normalized, shards)
    entry = _entry(built)
    content = render(built, f"aiop/{entry.folder}", shards)
    hits = (*tripwire(content, folder, shards), *_of_others(foreign))
    if hits:
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        content = {CARD: withheld_card(built.package, [hit.message for hit in hits]).encode()}
        verdict, shards = Verdict({"tripwire": hits}, ("all others",)), ()
    else:
        verdict = judge(built.core, folder)
    content[VERDICT] = readable_json({"package": built.names.package, **verdict.as_dict()}).encode()
    annex_dir = f"{annexes}/{entry.folder}" if annexes else ""
    content[DIGESTS] = digests(content, folder, shards, verdict.graph_sha256, annex_dir)
    judged = replace(entry, valid=verdict.valid, core_sha256=verdict.core_sha256)
    issues = built.package.evidence.issues
    return Sealed(judged, verdict, content, annex_dir, tuple(dict.fromkeys(issue.fingerprint for issue in issues)))


def _of_others(foreign: int) -> tuple[Finding, ...]:
    message = f"{FOREIGN} it holds a secret of a connection that the pipeline does not name, in {foreign} places"
    return (Finding(message),) if foreign else ()


def write_package(root: Path, sealed: Sealed, folder: Path) -> Path:
    """Move a package from where it was sealed into its place, list it, and set the pointers to the newest valid one.

    Writing the same package again changes nothing. Raises OSError with the earlier package still in place.
    """
    target = root / sealed.entry.folder
    annex = Path(os.path.normpath(target / sealed.annex_dir / FOLDER))
    with locked(root):
        if differs(target, sealed.files, folder, annex):
            put(target, sealed.files, folder, annex)
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

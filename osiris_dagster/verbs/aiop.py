"""AI Operation Packages: list, show, export, verify, prune, and the text bundle."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from osiris_dagster.aiop.disk.index import Entry, read_index
from osiris_dagster.aiop.disk.retention import apply_retention
from osiris_dagster.aiop.disk.verify import verify as findings_of
from osiris_dagster.aiop.facts.configure import load_options
from osiris_dagster.aiop.files.folder import CARD, CORE
from osiris_dagster.aiop.files.render import BRIEF, BUNDLE, OPENLINEAGE
from osiris_dagster.aiop.files.rocrate import METADATA
from osiris_dagster.atomic import write_bytes
from osiris_dagster.codec import to_json
from osiris_dagster.errors import AiopError, ConfigError
from osiris_dagster.exports.export import export_run, packages_of
from osiris_dagster.exports.queue import export_queue
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.find_run import find_run
from osiris_dagster.verbs.outcome import FAILED, OK, Outcome, table

_FILES = {
    "json": CORE,
    "md": CARD,
    "brief": BRIEF,
    "bundle": BUNDLE,
    "openlineage": OPENLINEAGE,
    "ro-crate": METADATA,
}
_JSON = ("json", "ro-crate")


def list_packages(asked: Asked, *, pipeline: str = "", limit: int = 20) -> Outcome:
    """List packages, the newest run first."""
    entries = [entry for entry in read_index(asked.project.aiop) if not pipeline or entry.pipeline == pipeline]
    newest = sorted(entries, key=lambda entry: entry.age, reverse=True)[:limit]
    rows = [(e.pipeline, e.run_id, e.status, e.end_time, "valid" if e.valid else "NOT VALID", e.folder) for e in newest]
    text = table(rows, ("pipeline", "run", "status", "ended", "verdict", "folder")) if rows else "no packages yet"
    return Outcome({"packages": to_json(tuple(newest))}, text)


def show(
    asked: Asked,
    *,
    run: str = "",
    session: str = "",
    last: bool = False,
    format: str = "json",  # noqa: A002 - the option's name
    output: str = "",
    **given: Any,
) -> Outcome:
    """Show the package of a run, building it when it is not there; exit code 2 for an unknown run."""
    with _packages(asked.project, "" if last else run or session, format, given) as (run_id, folders):
        return _told(run_id, folders, format, output)


def bundle(
    asked: Asked,
    *,
    run: str = "",
    session: str = "",
    last: bool = False,
    output: str = "",
    compress: str = "none",
) -> Outcome:
    """Show the text bundle of a run, or write it to a file."""
    with _packages(asked.project, "" if last else run or session, "bundle", {}) as (run_id, folders):
        if not output:
            return _told(run_id, folders, "bundle", "")
        text = b"\n".join((folder / BUNDLE).read_bytes() for folder in folders.values())
        write_bytes(Path(output).resolve(), gzip.compress(text, mtime=0) if compress == "gzip" else text)
        return Outcome({"run_id": run_id, "packages": list(folders), "output": output}, f"written to {output}")


def export(
    asked: Asked, *, run: str = "", session: str = "", last: bool = False, output: str = "", **given: Any
) -> Outcome:
    """Build the package of a run anew, below `output` or in its own place; exit code 1 when it is not valid."""
    project = asked.project
    with open_instance(project) as instance:
        found = find_run(instance, "" if last else run or session, ended=True)
        options = load_options(project, given)
        if output:
            root = Path(output).resolve()
            packages = [made.package for made in packages_of(instance, project, found.run_id, options, root)]
        else:
            packages = list(export_run(instance, project, found.run_id, options))
    if not packages:
        raise _no_package(found.run_id)
    lines = [f"{p.folder}  {'valid' if p.valid else 'NOT VALID: ' + '; '.join(p.reasons)}" for p in packages]
    data = {"run_id": found.run_id, "packages": to_json(tuple(packages))}
    return Outcome(data, "\n".join(lines), OK if all(p.valid for p in packages) else FAILED)


def verify(asked: Asked, *, run: str = "", session: str = "", last: bool = False, folder: str = "") -> Outcome:
    """Check that nothing of a package changed since it was sealed; exit code 1 when something did."""
    project = asked.project
    folders = [Path(folder).resolve()] if folder else _kept(project, "" if last else run or session)
    told = {_shown(project, path): [finding.line for finding in findings_of(path)] for path in folders}
    lines = [line for name, found in told.items() for line in (f"{name}  {'NOT VALID' if found else 'valid'}", *found)]
    return Outcome({"packages": told}, "\n".join(lines), FAILED if any(told.values()) else OK)


def prune(
    asked: Asked,
    *,
    keep_runs: int | None = None,
    keep_days: int | None = None,
    pipeline: str = "",
    dry_run: bool = False,
) -> Outcome:
    """Remove packages beyond a number or an age; the newest valid one of each pipeline always stays."""
    project = asked.project
    options = load_options(project, {"keep_runs": keep_runs, "keep_days": keep_days})
    if not (options.keep_runs or options.keep_days):
        raise ConfigError(
            "nothing says which packages to keep",
            code="AIO032",
            expected="--keep-runs or --keep-days, or `aiop.keep_runs` in osiris.yaml",
            fix="say how many runs or days of packages each pipeline keeps",
        )
    entries = [entry for entry in read_index(project.aiop) if not pipeline or entry.pipeline == pipeline]
    parents = dict.fromkeys(entry.folder.partition("/")[0] for entry in entries)
    gone: list[Entry] = []
    for parent in parents:
        gone += apply_retention(project.aiop, parent, options, dry_run=dry_run)
    word = "would go" if dry_run else "removed"
    lines = [f"{word}: {entry.folder}" for entry in gone] or ["nothing to remove"]
    return Outcome({"removed": [entry.folder for entry in gone], "dry_run": dry_run}, "\n".join(lines))


@contextmanager
def _packages(
    project: Project, wanted: str, form: str, given: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Path]]]:
    """Yield the run and its packages, by name: as they lie there, or as they would be with the options given."""
    options = load_options(project, given)
    with open_instance(project) as instance, TemporaryDirectory() as scratch:
        found = find_run(instance, wanted, ended=True)
        if "cli" in options.sources.values():
            made = [d.package for d in packages_of(instance, project, found.run_id, options, Path(scratch))]
            folders = {package.folder: project.root / package.folder for package in made}
        else:
            names = export_queue(project).packages(found.run_id)
            if not names or not all(_whole(project.root / name, form) for name in names):
                names = [package.folder for package in export_run(instance, project, found.run_id)]
            folders = {name: project.root / name for name in names}
        if not folders:
            raise _no_package(found.run_id)
        yield found.run_id, folders


def _whole(folder: Path, form: str) -> bool:
    """Tell whether a package has this form, or was withheld and has none."""
    return (folder / CARD).is_file() and ((folder / _FILES[form]).is_file() or not (folder / CORE).is_file())


def _told(run_id: str, folders: Mapping[str, Path], form: str, output: str) -> Outcome:
    """Return the files of one form; of a package that was withheld only the card is there."""
    withheld = [name for name, folder in folders.items() if not (folder / _FILES[form]).is_file()]
    if withheld:
        raise AiopError(
            f"the package {withheld[0]} was withheld",
            code="AIO033",
            found="something in it looks like a secret",
            expected="a package without secrets",
            fix="read its run-card.md, remove the secret from the file or log it names, and export again",
        )
    texts = [(folder / _FILES[form]).read_text(encoding="utf-8") for folder in folders.values()]
    text = "\n\n".join(texts)
    if output:
        write_bytes(Path(output).resolve(), text)
        return Outcome({"run_id": run_id, "packages": list(folders), "output": output}, f"written to {output}")
    shown = [json.loads(each) for each in texts] if form in _JSON else texts
    return Outcome({"run_id": run_id, "packages": list(folders), "documents": shown}, text)


def _kept(project: Project, wanted: str) -> list[Path]:
    """Return the packages of a run as they lie on the disk; nothing is built."""
    with open_instance(project) as instance:
        run_id = find_run(instance, wanted, ended=True).run_id
    names = [entry.folder for entry in read_index(project.aiop) if entry.run_id == run_id]
    if not names:
        raise _no_package(run_id)
    return [project.aiop / name for name in names]


def _shown(project: Project, folder: Path) -> str:
    return project.relative(folder) if folder.is_relative_to(project.root) else folder.name


def _no_package(run_id: str) -> AiopError:
    return AiopError(
        f"run {run_id} has no package: it holds no pipeline of this project, or none was exported",
        code="AIO020",
        expected="an exported run of an OML pipeline",
        fix="see `osiris runs list` and `osiris logs aiop export`",
    )

"""Which packages may go: those beyond a number or an age, oldest first. The newest valid one always stays."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from osiris_dagster.aiop.disk.index import Entry, forget, locked, read_index
from osiris_dagster.aiop.facts.options import Options


def apply_retention(root: Path, parent: str, options: Options, *, dry_run: bool = False) -> list[Entry]:
    """Remove what the options do not keep of the packages in one pipeline's folder; return what went, or would go.

    Age is counted from the end of the pipeline's newest run, not from now: so doing it twice changes nothing.
    """
    if not (options.keep_runs or options.keep_days):
        return []
    with locked(root):
        own = [entry for entry in read_index(root) if entry.folder.startswith(f"{parent}/")]
        going = _beyond(sorted(own, key=lambda entry: entry.age, reverse=True), options)
        for entry in [] if dry_run else going:
            shutil.rmtree(root / entry.folder, ignore_errors=True)
        if going and not dry_run:
            forget(root, going)
    return going


def _beyond(newest_first: list[Entry], options: Options) -> list[Entry]:
    kept = next((entry for entry in newest_first if entry.valid), None)
    if not newest_first:
        return []
    going = newest_first[options.keep_runs :] if options.keep_runs else []
    if options.keep_days:
        oldest = _moment(newest_first[0]) - timedelta(days=options.keep_days)
        going += [entry for entry in newest_first if _moment(entry) < oldest and entry not in going]
    return [entry for entry in going if entry is not kept]


def _moment(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.end_time)

"""Watch the files of a project; whenever one changes, say what is wrong with it and let the webserver load it again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from osiris_dagster.canonical import sha256
from osiris_dagster.compiler.lock import lock_path
from osiris_dagster.connections.file import CONNECTIONS_FILE
from osiris_dagster.errors import ConfigError, OsirisError
from osiris_dagster.oml.render import render
from osiris_dagster.oml_files import oml_files
from osiris_dagster.project import MARKER, Project
from osiris_dagster.settings import Settings
from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome
from osiris_dagster.verbs.reload import reload
from osiris_dagster.verbs.validate import validate_files
from osiris_dagster.verbs.webserver import webserver

_PAUSE = 0.5  # seconds between two looks; a file that was written between them is read at the next one
Stamp = tuple[int, int, int]
Seen = dict[Path, tuple[Stamp, str]]  # what tells that a file may have changed, and the digest that tells that it has


def watch(asked: Asked, *, url: str = "", location: str = "") -> Outcome:
    """Watch until interrupted. A webserver that is not there yet is waited for; a reload that fails is tried again."""
    server = webserver(url)
    asked.progress(f"watching {asked.project.relative(asked.project.pipelines)}/; reloads {server.url}")
    pending = False
    for changed in changes(asked.project, asked.settings):
        _tell(asked, changed)
        # Not in the middle of several writes: after a look that finds nothing new.
        if pending and not changed:
            pending = not _reloaded(asked, server.url, location)
        pending = pending or bool(changed)
    raise AssertionError("changes never end")


def changes(project: Project, settings: Settings) -> Iterator[set[Path]]:
    """Yield after every look the files that are new, gone or hold other bytes; nothing for a mere touch."""
    seen = _look(project, settings, {})
    while True:
        time.sleep(_PAUSE)
        now = _look(project, settings, seen)
        yield {path for path in seen.keys() | now.keys() if _digest_of(seen, path) != _digest_of(now, path)}
        seen = now


def _look(project: Project, settings: Settings, before: Seen) -> Seen:
    return {path: facts for path in _watched(project, settings) if (facts := _facts(path, before)) is not None}


def _watched(project: Project, settings: Settings) -> Iterator[Path]:
    """Yield every file that the location depends on."""
    for path in oml_files(project.pipelines):
        yield path
        yield lock_path(path)
    named = settings.connections_file or settings.env.get("OSIRIS_CONNECTIONS", "")
    yield from (Path(named).expanduser() if named else project.root / CONNECTIONS_FILE, project.root / MARKER)


def _facts(path: Path, before: Seen) -> tuple[Stamp, str] | None:
    """Return the facts of a file, reading it only when it may have changed; None for one that is not there."""
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        known = before.get(path)
        # A file can be written twice within one tick of the clock: one that is this young is read again.
        settled = time.time() - found.st_mtime > 2 * _PAUSE
        return known if known and known[0] == stamp and settled else (stamp, sha256(path.read_bytes()))
    except OSError:
        return None


def _digest_of(seen: Seen, path: Path) -> str:
    return seen[path][1] if path in seen else ""


def _tell(asked: Asked, changed: set[Path]) -> None:
    """Say of each changed file whether it is valid; what does not compile is seen in the UI."""
    for path in sorted(changed):
        shown = asked.project.relative(path)
        if not path.exists():
            asked.progress(f"{shown}: gone")
        elif path in oml_files(asked.project.pipelines):
            try:
                asked.progress(validate_files(asked, files=(str(path),)).text)
            except OsirisError as error:
                asked.progress(render(error.diagnostics))
        else:
            asked.progress(f"{shown}: changed")


def _reloaded(asked: Asked, url: str, location: str) -> bool:
    """Reload; False when nobody answers, which is told once and tried again at the next look."""
    try:
        asked.progress(reload(asked, url=url, location=location).text)
    except ConfigError as error:
        asked.progress(f"waiting: {error.first.message} ({error.first.found})", live=True)
        return False
    except OsirisError as error:
        asked.progress(render(error.diagnostics))
    return True

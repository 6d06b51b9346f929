"""What a connection holds, for people and for models; or, with a lock, what the sources of one OML file hand over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from osiris_dagster.codec import to_json
from osiris_dagster.compiler.lock import lock_path
from osiris_dagster.connections.discovery import Discovery, discover
from osiris_dagster.connections.doctor import Asking
from osiris_dagster.connections.project import connections_of
from osiris_dagster.drivers.inspection import FoundTable
from osiris_dagster.oml.render import plain
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.verbs.asked import Asked, WrongUsageError
from osiris_dagster.verbs.lock import lock_sources
from osiris_dagster.verbs.outcome import Outcome
from osiris_dagster.verbs.outcome import table as aligned


def discover_tables(
    asked: Asked, *, connection: str = "", table: str = "", refresh: bool = False, lock: str = ""
) -> Outcome:
    """Show the tables of a connection, or lock the schemas of a file; a driver's error passes through."""
    if bool(connection) == bool(lock) or (lock and table):
        raise WrongUsageError(
            "discover wants a connection, or --lock with an OML file",
            code="CLI020",
            found="both" if connection and lock else "--table with --lock" if lock else "neither",
            expected="one of the two",
            fix="write `osiris discover @family.alias`, or `osiris discover --lock pipelines/<name>.yaml`",
        )
    return _locked(asked, Path(lock).resolve()) if lock else _shown(asked, connection, table, refresh=refresh)


def _locked(asked: Asked, path: Path) -> Outcome:
    found = lock_sources(asked, path, connections_of(asked.project, asked.settings))
    file = asked.project.relative(lock_path(path))
    steps = [{"id": id_, "columns": to_json(locked.columns)} for id_, locked in found.steps.items()]
    said = ", ".join(f"{id_} ({len(locked.columns)} columns)" for id_, locked in found.steps.items())
    return Outcome({"lock": file, "steps": steps}, f"{file}: {said or 'no extractor'}")


def _shown(asked: Asked, reference: str, pattern: str, *, refresh: bool) -> Outcome:
    catalogue = load_catalogue()
    connections = connections_of(asked.project, asked.settings, catalogue)
    asking = Asking(asked.project, connections, catalogue)
    found = discover(asking, reference, pattern, refresh=refresh)
    data = {
        "connection": found.reference,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.created_at)),
        "ttl_seconds": found.ttl_seconds,
        "cached": found.cached,
        "tables": to_json(found.tables),
    }
    return Outcome(data, _text(found, pattern))


def _text(found: Discovery, pattern: str) -> str:
    count = len(found.tables)
    noun = "file" if count and all(one.kind == "file" for one in found.tables) else "table"
    what = f"{count} {noun}{'s' * (count != 1)}" + (f" like {pattern!r}" if pattern else "")
    since = f" ({round((time.time() - found.created_at) / 60)} min ago; --refresh asks again)" if found.cached else ""
    head = f"{found.reference}: {what}{since}"
    if not found.tables:
        return head
    if pattern or count == 1:
        return "\n\n".join([head, *map(_in_full, found.tables)])
    rows = [
        (
            _word(one.qualified),
            one.kind,
            "" if one.rows is None else f"{one.rows:,}",
            str(len(one.columns)),
            _word(", ".join(one.primary_key)),
            _word(one.problem or one.comment)[:60],
        )
        for one in found.tables
    ]
    return f"{head}\n\n{aligned(rows, ('table', 'kind', 'rows', 'columns', 'key', ''))}\n\n--table shows columns"


def _in_full(one: FoundTable) -> str:
    facts: list[Any] = [one.kind]
    if one.rows is not None:
        facts.append(f"about {one.rows:,} rows")
    if one.primary_key:
        facts.append(f"key: {_word(', '.join(one.primary_key))}")
    lines = [f"{_word(one.qualified)}  ({', '.join(facts)})"]
    lines += [f"  {_word(text)}" for text in (one.comment, one.problem) if text]
    rows = [
        (
            f"  {_word(c.name)}",
            c.type or "-",
            c.source_type,
            "" if c.nullable else "not null",
            _word(c.comment),
        )
        for c in one.columns
    ]
    return "\n".join([*lines, aligned(rows, ("  column", "type", "at the source", "", ""))] if rows else lines)


def _word(text: str) -> str:
    """Names and comments are the words of strangers: no line breaks, no escape sequences."""
    return plain(text).replace("\n", " ")

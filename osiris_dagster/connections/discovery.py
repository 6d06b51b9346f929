"""A connection and a pattern in, the tables behind it out: asked now, or kept from an earlier asking.

An answer is kept in `.osiris/cache/discovery/`, under a key of everything it depends on: component, version and spec
of the family, the reference, and the options (pattern, fields of the connection, the inspector's stamp). So a changed
spec, option or file is asked anew; a server's change is seen when the answer's time is over, or with `refresh`.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osiris_dagster.atomic import replacing
from osiris_dagster.canonical import canonical_json, fingerprint, readable_json, sha256
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.connections.doctor import Asking
from osiris_dagster.drivers.faults import without_secrets
from osiris_dagster.drivers.inspection import ConnectionCall, FoundTable
from osiris_dagster.drivers.registry import open_inspector
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.specs.model import ComponentSpec

VERSION = 1
TTL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a connection holds, and when it was asked."""

    reference: str
    tables: tuple[FoundTable, ...]
    created_at: float  # seconds since 1970
    ttl_seconds: int = TTL_SECONDS
    cached: bool = False  # answered from what was kept


def discover(asking: Asking, reference: str, pattern: str = "", *, refresh: bool = False) -> Discovery:
    """Return the tables that the pattern means, by schema and name.

    Raises ConfigError for a reference, secret or family that cannot be used, DriverError when the store does not
    answer; a cache that cannot be read or written is as good as none.
    """
    specs = _specs(asking, reference)
    reference, fields = _connection(asking, specs, reference)
    call = ConnectionCall(reference, fields, asking.project, asking.timeout)
    with without_secrets(asking.connections.redactor), closing(open_inspector(specs[0], call)) as inspector:
        options = {"pattern": pattern, "connection": dict(fields), "stamp": inspector.stamp()}
        key = _key(asking, specs, reference, options)
        file = _folder(asking.project) / f"{sha256(canonical_json(key))[:32]}.json"
        kept = None if refresh else _kept(file, key)
        if kept is not None:
            return kept
        tables = sorted(inspector.tables(pattern), key=lambda table: (table.schema, table.name))
        found = Discovery(reference, tuple(tables), time.time())
    with suppress(OSError):
        _keep(file, key, found)
    return found


def _specs(asking: Asking, reference: str) -> tuple[ComponentSpec, ...]:
    family = reference.removeprefix("@").partition(".")[0]
    specs = asking.catalogue.discovering(family)
    if reference.startswith("@") and specs:
        return specs
    unusable = asking.catalogue.why_not(family)
    known = [f"@{name}" for name in asking.catalogue.families if asking.catalogue.discovering(name)]
    raise ConfigError(
        f"{reference!r} cannot be asked for its tables",
        code="CFG070",
        found=reference,
        expected=f"@family.alias of one of: {', '.join(known)}",
        fix=unusable.reason if unusable else "see `osiris connections list`",
    )


def _connection(asking: Asking, specs: tuple[ComponentSpec, ...], reference: str) -> tuple[str, Mapping[str, Any]]:
    """Return the full reference and its fields; a family that needs no connection can be asked without one."""
    family = specs[0].family
    connected = family in {facts.family for facts in asking.connections.facts}
    if reference == f"@{family}" and not connected and all(spec.connection == "optional" for spec in specs):
        return reference, {}
    found = asking.connections.find(reference).reference
    return found, asking.connections.resolve(found)


def _key(asking: Asking, specs: tuple[ComponentSpec, ...], reference: str, options: dict[str, Any]) -> dict[str, str]:
    """Return the inputs of an answer. Options hold secrets, so their digest needs a key that stays on this disk."""
    digest = hmac.digest(_secret(asking.project), canonical_json(options), "sha256")
    return {
        "component": specs[0].name,
        "version": specs[0].version,
        "connection": reference,
        "options": f"hmac-sha256:{digest.hex()}",
        "spec": fingerprint({spec.name: asking.catalogue.fingerprint(spec.name) for spec in specs}),
    }


def _folder(project: Project) -> Path:
    return project.state / "cache" / "discovery"


def _secret(project: Project) -> bytes:
    """Return the project's key, made at its first use; one that cannot be kept is good for this call only."""
    file = _folder(project) / "key"
    with suppress(OSError):
        return file.read_bytes()
    key = secrets.token_bytes(32)
    with suppress(OSError), replacing(file, mode=0o600) as temporary:
        temporary.write_bytes(key)
    return key


def _kept(file: Path, key: dict[str, str]) -> Discovery | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        value = json.loads(file.read_text("utf-8"))
        found = Discovery(
            reference=key["connection"],
            tables=from_json(tuple[FoundTable, ...], value["payload"]),
            created_at=float(value["created_at"]),
            ttl_seconds=int(value["ttl_seconds"]),
            cached=True,
        )
        age = time.time() - found.created_at
        if value["key"] == {"format": VERSION, **key} and 0 <= age < found.ttl_seconds:
            return found
    return None


def _keep(file: Path, key: dict[str, str], found: Discovery) -> None:
    value = {
        "key": {"format": VERSION, **key},
        "created_at": found.created_at,
        "ttl_seconds": found.ttl_seconds,
        "payload": to_json(found.tables),
    }
    with replacing(file, mode=0o600) as temporary:
        temporary.write_text(readable_json(value), "utf-8")

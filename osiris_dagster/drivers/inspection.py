"""What a family says about a connection outside of any run: does it answer, and which tables or files does it hold.

A family that can be asked has a class with the methods of `Inspector`, and its component specs name it in
`x-runtime.inspector`. `osiris connections doctor`, `osiris discover` and everything built on them use nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol

from osiris_dagster.project import Project

Category = Literal[
    "ok",
    "configuration",  # a field of the connection is missing or makes no sense, or a secret is not set
    "not_found",  # the server answers, the database, file or folder is not there
    "network",  # unknown host, refused, reset, no route, TLS
    "timeout",  # no answer in time
    "auth",  # user or password refused
    "permission",  # known, but not allowed to read
    "busy",  # held by somebody else, or too many connections
    "unsupported",  # the family cannot be asked, or not that version of the server
    "unknown",
]
TableKind = Literal["table", "view", "file"]


@dataclass(frozen=True, slots=True)
class ConnectionCall:
    """Everything an inspector may know about the connection it asks."""

    reference: str  # @family.alias, for messages
    connection: Mapping[str, Any]  # resolved fields, secrets included
    project: Project
    timeout: float = 5.0  # seconds that connecting, and each question after it, may take


@dataclass(frozen=True, slots=True)
class Probe:
    """How a connection answered. `message` and `fix` hold no secret; both may be empty when all is well."""

    category: Category
    message: str = ""
    fix: str = ""
    server: str = ""  # product and version, e.g. "PostgreSQL 16.4"
    latency_ms: float | None = None  # of one question over the open connection; None when it did not come to that

    @property
    def ok(self) -> bool:
        """Tell whether the connection can be used."""
        return self.category == "ok"


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column as an extractor would hand it on, and as the source calls its type."""

    name: str
    type: str  # a name of `columns.py`; empty for a type that is not carried, or not known without reading the rows
    source_type: str
    nullable: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, view or file that a connection holds. No rows of it, no sample."""

    schema: str  # empty where the store has none
    name: str  # a file: its path below the connection's folder
    kind: TableKind
    columns: tuple[FoundColumn, ...]
    primary_key: tuple[str, ...] = ()
    rows: int | None = None  # as the catalogue estimates it; None when it does not
    comment: str = ""
    problem: str = ""  # why the columns are not all known, e.g. a view that no longer binds

    @property
    def qualified(self) -> str:
        """Schema and name as one readable text."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


class Inspector(Protocol):
    """Asks one connection. Opens nothing before its first method; used by one thread, then closed.

    Nothing is changed at the source, no row of it is shown, and no secret is in any answer or error.
    """

    def probe(self) -> Probe:
        """Connect and ask one cheap question. Returns what it can name; a raised error counts as `unknown`."""
        ...

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        """Return what `wanted(pattern, ...)` lets through, by schema and name, without system tables and our own.

        Raises DriverError where the store does not answer.
        """
        ...

    def stamp(self) -> str:
        """Return a text that changes when the tables may have, as far as that is cheap to know; else an empty one.

        An answer that was kept is used again only under the same stamp. A server, which has no such thing, leaves it
        empty, and only time ends what was kept.
        """
        ...

    def close(self) -> None:
        """Release everything; called exactly once, also after errors."""
        ...


InspectorFactory = Callable[[ConnectionCall], Inspector]


def wanted(pattern: str, schema: str, name: str) -> bool:
    """Tell whether a table is meant: `*`, `?` and `[a-z]` as in file names, in any case; empty means all.

    A pattern without a dot is about the name; with one, about schema and name or a name that has a dot.

    >>> [wanted(p, "sales", "Orders") for p in ("", "orders", "ord*", "sales.*", "sales.orders", "hr.*", "order")]
    [True, True, True, True, True, False, False]
    """
    if not pattern:
        return True
    folded = pattern.casefold()
    return any(fnmatchcase(text.casefold(), folded) for text in (name, f"{schema}.{name}" if schema else name))

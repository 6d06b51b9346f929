"""Turns DuckDB's exceptions into a DriverError with code and a way out; nobody else reads its messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from osiris_dagster.drivers.batches import Watched
from osiris_dagster.errors import DriverError, Retryable

# DuckDB raises typed exceptions from statements and a plain OSError from a result stream; both begin with the kind.
_KIND = re.compile(r"(?P<kind>[A-Z][A-Za-z ]*?) Error: ")
_CANDIDATES = re.compile(r"Candidate bindings: (?P<names>.+)|Did you mean (?P<name>.+?)\?")
_QUERY_FIX = "correct the SQL of the step"

# kind -> code, way out, whether another try can help
_KINDS: dict[str, tuple[str, str, Retryable]] = {
    "Parser": ("DRV024", _QUERY_FIX, "permanent"),
    "Binder": ("DRV024", _QUERY_FIX, "permanent"),
    "Catalog": ("DRV024", _QUERY_FIX, "permanent"),
    "Conversion": ("DRV025", "correct the value at its source, or use try_cast to get NULL instead", "permanent"),
    "Out of Range": ("DRV025", "use a wider type, e.g. cast to hugeint, decimal or double", "permanent"),
    "Invalid Input": ("DRV025", "correct the value at its source or the SQL of the step", "permanent"),
    "Out of Memory": ("DRV026", "raise memory_limit, or free disk space for spilling", "permanent"),
    "Permission": ("DRV027", "read files, URLs and settings through extractors; SQL may not", "permanent"),
    "INTERRUPT": ("DRV028", "run the step again", "transient"),
    "Constraint": ("DRV029", "correct the rows, or the constraint of the table", "permanent"),
    "TransactionContext": ("DRV029", "run the step again", "transient"),
    "Transaction": ("DRV029", "run the step again", "transient"),
    "IO": ("DRV019", "check the file, its folder and the free disk space", "permanent"),
}


def check_syntax(*texts: str) -> None:
    """Raise DriverError, in DuckDB's own words, for SQL that its parser does not take."""
    with named_faults():
        for text in texts:
            duckdb.extract_statements(text)


@contextmanager
def named_faults(*inputs: Watched) -> Iterator[None]:
    """Turn what DuckDB raises into a DriverError; an error that came out of an input is raised as it was."""
    try:
        yield
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        for watched in inputs:
            if watched.error is not None:
                raise watched.error from None
        raise fault(error) from error


def fault(error: Exception) -> DriverError:
    """Return the DriverError for an exception of DuckDB."""
    text = str(error).strip()
    match = _KIND.match(text)
    code, fix, retryable = _KINDS.get(match["kind"] if match else "", ("DRV019", "", "permanent"))
    if candidates := _CANDIDATES.search(text):
        fix = f"use {(candidates['names'] or candidates['name']).strip()}"
    return DriverError(text or type(error).__name__, code=code, fix=fix, retryable=retryable)

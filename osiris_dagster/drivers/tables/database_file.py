"""Which database file a step or connection means, for families whose databases are files."""

from __future__ import annotations

from pathlib import Path

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.inspection import ConnectionCall, Probe
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.write_paths import writable


def file_of_step(call: StepCall, family: str, *, write: bool = False) -> tuple[Path, str]:
    """Return the absolute path of the step's database and its project path.

    Raises ConfigError when neither connection nor config names it, or when it lies outside of the project or, for
    writing, where no step may write.
    """
    name = call.connection.get("path") or call.config.get("path")
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"step {call.step_id!r} does not say which database file it uses",
            code="CFG030",
            found="neither `path` nor a connection that has one",
            expected="a connection with `path`, or `path` in the step",
            fix=f"add `connection: '@{family}.<alias>'` or `path: data/<file>.{family}`",
        )
    return writable(call.project, name, call.oml) if write else call.project.inside(name), name


def file_of_connection(call: ConnectionCall, family: str) -> tuple[Path, str]:
    """Return the absolute path of the connection's database and its project path; ConfigError as above."""
    name = call.connection.get("path")
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"the connection {call.reference} does not say which database file it means",
            code="CFG030",
            found="no `path`",
            expected="a path below the project",
            fix=f"add `path: data/<file>.{family}` to it",
        )
    return call.project.inside(name), name


def absent(path: Path, name: str) -> Probe:
    """Return the answer of a connection whose file is not there: a writer will make it if there is a folder."""
    if path.parent.is_dir():
        return Probe("ok", f"{name} does not exist yet; the first write makes it")
    return Probe("not_found", f"neither {name} nor its folder exists", "correct `path`, or make the folder")


def nothing_to_read(name: str, expected: str, setup: str) -> DriverError:
    """Return the error of an extractor whose file is not there; `setup` is what makes it, empty if nobody said."""
    return DriverError(
        f"the database file {name} does not exist",
        code="DRV020",
        found="no such file",
        expected=expected,
        fix=setup or "check `path` of the connection or step, or run first what creates the file",
    )


def in_use(name: str, holder: str, wait: float, expected: str) -> DriverError:
    """Return the error of a file that others have kept from us; `holder` begins with "by"."""
    return DriverError(
        f"the database {name} is held {holder}; waited {wait:g} s",
        code="DRV021",
        found=f"in use {holder}",
        expected=expected,
        fix="end that program, or raise lock_timeout and run the step again",
        retryable="transient",
    )

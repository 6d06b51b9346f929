"""An exception that nobody foresaw, as a log ready to paste: versions and frames, without paths of the host."""

from __future__ import annotations

import platform

from osiris_dagster import __version__
from osiris_dagster.errors import Diagnostic
from osiris_dagster.redaction import Redactor, capture
from osiris_dagster.verbs.outcome import FAILED, Outcome


def crash_report(error: Exception, verb: str) -> Outcome:
    """Return the outcome of a verb that broke: exit code 1, and everything that a bug report needs."""
    info = capture(error, Redactor())
    lines = [
        "osiris met an error that it does not know. Please report it with the text below.",
        f"  osiris-dagster {__version__}, Python {platform.python_version()}, {platform.system()}, verb: {verb}",
    ]
    for step in info.chain:
        lines.append(f"  {step.type}: {step.message}")
        lines += [f"    {frame.file}:{frame.line} in {frame.function}" for frame in step.frames]
    found = Diagnostic("OSI900", f"{info.type}: {info.message}", fix="please report it")
    return Outcome({"error": info.as_dict()}, "\n".join(lines), FAILED, (found,))

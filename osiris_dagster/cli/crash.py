"""What no verb foresaw: a refusal by the system as a diagnostic, anything else as a log ready to paste.

The log has versions and frames, but no path of the host.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
import threading

from osiris_dagster import __version__
from osiris_dagster.codec import to_json
from osiris_dagster.errors import Diagnostic
from osiris_dagster.redaction import PROCESS, capture
from osiris_dagster.verbs.outcome import FAILED, NOT_CONFIGURED, Outcome


def refused_by_system(error: OSError) -> Outcome | None:
    """Return the outcome for a file that the system does not let us read or write; None for any other fault."""
    if not error.filename and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return None
    name = f" `{os.path.relpath(os.fsdecode(error.filename2 or error.filename))}`" if error.filename else ""
    found = Diagnostic(
        "CFG050",
        f"the system refuses a file or folder{name}",
        found=error.strerror or type(error).__name__,
        expected="a place that can be read and written",
        fix="check the path, its rights and the free space",
    )
    return Outcome({}, "", NOT_CONFIGURED, (found,))


def tell_thread(ended: threading.ExceptHookArgs) -> None:
    """Say on standard error what a thread broke on; Python itself would print it with whatever secret is in it."""
    if isinstance(ended.exc_value, Exception):
        print(crash_report(ended.exc_value, "a thread").text, file=sys.stderr)


def crash_report(error: Exception, verb: str) -> Outcome:
    """Return the outcome of a verb that broke: exit code 1, and everything that a bug report needs."""
    info = capture(error, PROCESS)
    lines = [
        "osiris met an error that it does not know. Please report it with the text below.",
        f"  osiris-dagster {__version__}, Python {platform.python_version()}, {platform.system()}, verb: {verb}",
    ]
    for step in info.chain:
        lines.append(f"  {step.type}: {step.message}")
        lines += [f"    {frame.file}:{frame.line} in {frame.function}" for frame in step.frames]
    found = Diagnostic("OSI900", f"{info.type}: {info.message}", fix="please report it")
    return Outcome({"error": to_json(info)}, "\n".join(lines), FAILED, (found,))

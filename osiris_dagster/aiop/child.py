"""Export in a process of its own: the gates cost memory and time that neither a sensor nor a command should pay.

`export_in_child` cleans the facts, hands them over as one JSON job and reads one JSON line back; `main` is the child.
The child gets no secret, neither in the job nor in its environment, and cannot open a connection.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osiris_dagster.aiop.facts import Facts, checked, facts_as_dict, facts_from_dict
from osiris_dagster.aiop.result import ExportResult, result_from_dict
from osiris_dagster.aiop.walk import scrub
from osiris_dagster.errors import AiopError, CoreLimitError, OsirisError
from osiris_dagster.redaction import Redactor

_KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
_NO_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
_CLIENTS = ("requests", "aiohttp")
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """One package to export: from what, to which folder of packages, and who knows the secrets to remove first."""

    facts: Facts
    root: Path
    redactor: Redactor = field(default_factory=Redactor)
    logs: Path | None = None  # the log, already clean, as JSON lines
    annexes: Path | None = None  # where annexes lie, when not in their packages


def export_in_child(job: Job, timeout: float) -> ExportResult:
    """Export in a new process within `timeout` seconds and return what became of it.

    Raises AiopError: AIO002 record and manifest differ, AIO003 the process failed, AIO004 it took too long, or what
    the builder itself raised.
    """
    facts = scrub(checked(job.facts), job.redactor)
    places = {"root": job.root, "logs": job.logs, "annexes": job.annexes}
    named = {name: str(path.resolve()) if path else "" for name, path in places.items()}
    order = json.dumps({"facts": facts_as_dict(facts), **named}).encode()
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            [sys.executable, "-P", "-m", __name__],
            input=order,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise AiopError(
            f"the package of run {facts.record.run_id} was not ready in time",
            code="AIO004",
            expected=f"at most {timeout:g} s",
            fix="export it again with more time",
        ) from error
    return _read_answer(done, facts.record.run_id)


def _environment() -> dict[str, str]:
    """Keep what Python needs to start; connections are configured through variables, and those are secrets."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    home = str(Path(__file__).parents[2])
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (home, kept.get("PYTHONPATH"))))}


def _read_answer(done: subprocess.CompletedProcess[bytes], run_id: str) -> ExportResult:
    try:
        answer = json.loads(done.stdout)
        if "result" in answer:
            return result_from_dict(answer["result"])
        error = answer["error"]
    except (ValueError, KeyError, TypeError):
        tail = done.stderr.decode(errors="replace")[-_TAIL:].strip()
        raise AiopError(
            f"the export of run {run_id} ended with exit status {done.returncode}",
            code="AIO003",
            found=tail,
            fix="look at the end of its error output, kept with this error",
        ) from None
    kind = CoreLimitError if error["code"] == CoreLimitError.code else AiopError
    raise kind(error["message"], code=error["code"], found=error["found"], fix=error["fix"])


def answer(order: bytes) -> dict[str, Any]:
    """Do one job and return its result, or the error that kept it from being done, as JSON."""
    from osiris_dagster.aiop.annex import Spool  # noqa: PLC0415 - the parent must not pay for loading it
    from osiris_dagster.aiop.export import export  # noqa: PLC0415 - the parent must not pay for loading the gates

    try:
        job = json.loads(order)
        logs, annexes = (Path(job[name]) if job[name] else None for name in ("logs", "annexes"))
        result = export(facts_from_dict(job["facts"]), Path(job["root"]), Spool(logs), annexes)
    except (KeyError, TypeError, ValueError) as error:
        return _error("AIO005", f"the job is malformed: {type(error).__name__}: {error}")
    except OSError as error:
        return _error("AIO007", f"the package cannot be written: {error.strerror or error}")
    except OsirisError as error:
        first = error.first
        return _error(first.code, first.message, first.found, first.fix)
    return {"result": result.as_dict()}


def _error(code: str, message: str, found: str = "", fix: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "found": found, "fix": fix}}


def forbid_network() -> None:
    """Make every connection of this process fail, for as long as it lives; HTTP clients cannot even be loaded."""

    def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
        if event in _NO_NETWORK:
            raise RuntimeError(f"a package is judged without the network, and something called {event}")

    sys.modules.update(dict.fromkeys(_CLIENTS))  # type: ignore[arg-type]  # None is how Python marks a refused module
    sys.addaudithook(refuse)


def main() -> int:
    """Read a job from standard input, write the answer to standard output; 0 when a package was written."""
    forbid_network()
    gc.disable()  # it lives for a second or two, and what it makes it keeps to the end
    given = answer(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(given) + "\n")
    return 0 if "result" in given else 1


if __name__ == "__main__":
    sys.exit(main())

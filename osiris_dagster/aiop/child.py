"""Export in a process of its own: the gates cost memory and time that neither a sensor nor a command should pay.

`Exporter` cleans the facts, hands them over as one JSON line and reads one back; `main` is the child.
The child gets no secret, neither in the job nor in its environment, and cannot open a connection.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import Any, Self

from osiris_dagster.aiop.disk.result import ExportResult
from osiris_dagster.aiop.facts.facts import Facts, checked, lean
from osiris_dagster.aiop.facts.map_texts import map_texts, scrub
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.errors import AiopError, CoreLimitError, OsirisError
from osiris_dagster.redaction import PROCESS, Redactor

_KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
_NO_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
_CLIENTS = ("requests", "aiohttp")
_TAIL = 2000  # bytes of the child's error output
_PATIENCE = 5.0  # seconds for the child to end by itself


@dataclass(frozen=True, slots=True)
class Job:
    """One package to export: from what, to which folder of packages, and who knows the secrets to remove first."""

    facts: Facts
    root: Path
    redactor: Redactor = field(default_factory=Redactor)
    logs: Path | None = None  # the log, already clean, as JSON lines
    annexes: Path | None = None  # where annexes lie, when not in their packages


class Exporter:
    """Exports packages one after the other in a process of its own, which starts with the block and ends with it.

    The process loads the gates while its owner still gathers facts. One that dies or is too slow is replaced.
    """

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def export(self, job: Job, timeout: float) -> ExportResult:
        """Export within `timeout` seconds and return what became of it.

        Raises AiopError: AIO002 record and manifest differ, AIO003 the process failed, AIO004 it took too long, or
        what the builder itself raised.
        """
        facts = scrub(checked(job.facts), job.redactor)
        places = {"root": job.root, "logs": job.logs, "annexes": job.annexes}
        named = {name: str(path.resolve()) if path else "" for name, path in places.items()}
        order = {"facts": to_json(lean(facts)), **named, "foreign": _foreign(facts, job)}
        line = self._ask(json.dumps(order).encode(), facts.record.run_id, timeout)
        try:
            answered = json.loads(line)
            if "result" in answered:
                return from_json(ExportResult, answered["result"])
            error = PROCESS.data(answered["error"])
        except (ValueError, KeyError, TypeError):
            raise self._died(facts.record.run_id) from None
        kind = CoreLimitError if error["code"] == CoreLimitError.code else AiopError
        raise kind(error["message"], code=error["code"], found=error["found"], fix=error["fix"])

    def _ask(self, order: bytes, run_id: str, timeout: float) -> bytes:
        """Hand one order over and wait for its line; an empty line says that the process is gone."""
        if self._process.poll() is not None:
            self._start()
        late = Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = Timer(timeout, give_up)
        timer.start()
        try:
            with suppress(BrokenPipeError):  # it died at its start: the empty line says so
                self._stdin.write(order + b"\n")
                self._stdin.flush()
            line = self._stdout.readline()
        finally:
            timer.cancel()
        if late.is_set():
            self._end()
            raise AiopError(
                f"the package of run {run_id} was not ready in time",
                code="AIO004",
                expected=f"at most {timeout:g} s",
                fix="export it again with more time",
            )
        return line

    def _died(self, run_id: str) -> AiopError:
        self._end()
        self._stderr.seek(0)
        return AiopError(
            f"the export of run {run_id} ended with exit status {self._process.returncode}",
            code="AIO003",
            found=PROCESS.text(self._stderr.read()[-_TAIL:].decode(errors="replace").strip()),
            fix="look at the end of its error output, kept with this error",
        )

    def _start(self) -> None:
        self._stderr = TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads could fill and block the process
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
        )
        assert self._process.stdin
        assert self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def _end(self) -> None:
        """Let the process see the end of its input; one that does not stop then is ended."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()


def _foreign(facts: Facts, job: Job) -> int:
    """Return how many texts of clean facts and log hold a secret that this process resolved for somebody else."""
    others = PROCESS.beyond(job.redactor)
    if not others:
        return 0
    seen: list[str] = []

    def look(text: str) -> str:
        seen.extend([text] if others.holds(text) else [])
        return text

    map_texts(facts, look)
    if job.logs:
        with job.logs.open("rb") as lines:
            for line in lines:
                look(json.loads(line)["message"])
    return len(seen)


def _environment() -> dict[str, str]:
    """Keep what Python needs to start; connections are configured through variables, and those are secrets."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    home = str(Path(__file__).parents[2])
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (home, kept.get("PYTHONPATH"))))}


def answer(order: bytes) -> dict[str, Any]:
    """Do one job and return its result, or the error that kept it from being done, as JSON."""
    from osiris_dagster.aiop.disk.export import export  # noqa: PLC0415 - the parent must not pay for loading the gates
    from osiris_dagster.aiop.files.annex import Spool  # noqa: PLC0415 - the parent must not pay for loading it

    try:
        job = json.loads(order)
        logs, annexes = (Path(job[name]) if job[name] else None for name in ("logs", "annexes"))
        facts = from_json(Facts, job["facts"])
        result = export(facts, Path(job["root"]), Spool(logs), annexes, foreign=int(job.get("foreign", 0)))
    except (KeyError, TypeError, ValueError) as error:
        return _error("AIO005", f"the job is malformed: {type(error).__name__}: {error}")
    except OSError as error:
        return _error("AIO007", f"the package cannot be written: {error.strerror or error}")
    except OsirisError as error:
        first = error.first
        return _error(first.code, first.message, first.found, first.fix)
    return {"result": to_json(result)}


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
    """Read jobs from standard input, a line each, and write an answer line to each; 0 when the last was a package."""
    forbid_network()
    gc.disable()  # a package takes a second or two, and what it makes it keeps to its end
    from osiris_dagster.aiop.disk import export  # noqa: F401, PLC0415 - loaded before the first job is there

    gc.freeze()
    given: dict[str, Any] = {}
    for order in sys.stdin.buffer:
        given = answer(order)
        sys.stdout.write(json.dumps(given) + "\n")
        sys.stdout.flush()
        gc.collect()  # now, while the answer is read
    return 0 if "result" in given else 1


if __name__ == "__main__":
    sys.exit(main())

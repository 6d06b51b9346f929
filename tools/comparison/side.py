"""One checkout at work: cases in, aspects out, each case in a new folder with stores of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.comparison.case import Aspects, Case
from tools.comparison.normal import Normal
from tools.comparison.stores import Store

_AGENT = Path(__file__).with_name("agent.py")
_UNSHOWN = (".osiris", "data")
_LARGEST = 2_000_000
ENVIRONMENT = {"PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "120", "NO_COLOR": "1", "PYTHONUTF8": "1"}
MARKER, CONNECTIONS = "osiris.yaml", "osiris_connections.yaml"


@dataclass
class Side:
    """A checkout, the process that answers calls of its command, and where cases happen."""

    checkout: Path
    place: Path
    stores: Mapping[str, Store]
    asked: IO[str]
    answers: IO[str]

    def run(self, case: Case) -> dict[str, str]:
        """Do a case and return its aspects, normalised."""
        folder = self.place / "case"
        raw = self._raw(case, folder)
        normal = Normal(
            {str(folder): "<project>", str(self.place): "<place>", str(self.checkout): "<checkout>"},
            tuple(store.port for store in self.stores.values() if store.port),
            case.measured,
        )
        theirs = {f"{kind} of {table}" for table in case.ours for kind in ("rows", "definition")}
        done = normal.aspects(raw, lambda name: case.exact or name in theirs or name.startswith("file build/"))
        shutil.rmtree(folder)
        return done

    def make(self, case: Case, folder: Path) -> Aspects:
        """Do a case whose folder is wanted; return its aspects as they are. AssertionError when a call does not end."""
        raw = self._raw(case, folder)
        assert "timeout" not in raw.values(), raw
        return raw

    def _raw(self, case: Case, folder: Path) -> Aspects:
        shutil.rmtree(folder, ignore_errors=True)
        if case.seed:
            case.seed.plant(folder)
        folder.mkdir(parents=True, exist_ok=True)
        store = self.stores.get(case.store)
        files = {MARKER: b"", **_connections(store, case), **case.files}
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if store:
            store.prepare(folder, case.before)
        return {
            **self._called(case, folder),
            **_files(folder, {} if case.seed else files),
            **(_looked(store, folder) if store else {}),
        }

    def _called(self, case: Case, folder: Path) -> Aspects:
        calls = [{"argv": call.argv, "interrupt_after": call.interrupt_after} for call in case.calls]
        request = {"cwd": str(folder), "env": {}, "timeout": case.timeout, "calls": calls}
        self.asked.write(json.dumps(request) + "\n")
        self.asked.flush()
        answer = json.loads(self.answers.readline())
        found: dict[str, str] = {}
        for number, (call, said) in enumerate(zip(case.calls, answer["calls"], strict=True), 1):
            name = f"{number}. {' '.join(call.argv)}"
            found |= {f"{name}: exit code": said["code"], f"{name}: stdout": said["out"]}
            found |= {f"{name}: stderr": said["err"]}
        return found


def _connections(store: Store | None, case: Case) -> Mapping[str, bytes]:
    if store is None:
        return {}
    known = {"connections": {case.store: {"db": {**store.connection(), **case.connection}}}}
    return {CONNECTIONS: json.dumps(known).encode()}


def _files(folder: Path, given: Mapping[str, bytes]) -> Aspects:
    """Return what files were made or changed; content that is no text as hexadecimal digits."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.startswith(_UNSHOWN) or path.stat().st_size > _LARGEST:
            continue
        content = path.read_bytes()
        if given.get(name) == content or name.endswith(".duckdb"):
            continue
        try:
            found[f"file {name}"] = content.decode()
        except UnicodeDecodeError:
            found[f"file {name}"] = content.hex()
    return found


def _looked(store: Store, folder: Path) -> Aspects:
    sent = store.statements()
    found = {"statements": sent} if sent else {}
    for name, (made, rows) in store.tables(folder).items():
        found |= {f"definition of {name}": made, f"rows of {name}": rows}
    return found


def clean_environment() -> dict[str, str]:
    """Return this environment without what would change how a checkout behaves."""
    changing = ("OSIRIS", "DAGSTER", "PYTHON", "PYTEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(changing)}


def python_of(checkout: Path) -> Path:
    """Return the interpreter of a checkout; without a .venv this one, in which its dependencies have to be."""
    python = checkout / ".venv" / "bin" / "python"
    return python if python.exists() else Path(sys.executable)


@contextmanager
def side(checkout: Path, place: Path, stores: Mapping[str, Store]) -> Iterator[Side]:
    """Start the process of a checkout; it ends with the block."""
    place.mkdir(parents=True, exist_ok=True)
    environment = {**clean_environment(), **ENVIRONMENT, "PYTHONPATH": str(checkout)}
    command = [str(python_of(checkout)), "-P", str(_AGENT)]
    with subprocess.Popen(
        command, cwd=place, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Side(checkout, place, stores, process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait(10)

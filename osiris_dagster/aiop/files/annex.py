"""The annex: everything that the core may have cut, as JSON lines, written as it comes and never held as a whole."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from osiris_dagster.aiop.facts.options import Compression
from osiris_dagster.aiop.model.evidence import Run, StepRun
from osiris_dagster.aiop.model.ids import dataset_iri
from osiris_dagster.aiop.model.jsonld import as_json
from osiris_dagster.aiop.model.shards import FOLDER, Shard
from osiris_dagster.aiop.sections.columns import planned_columns
from osiris_dagster.aiop.sections.execution import columns_of, run_of, step_runs
from osiris_dagster.aiop.sections.issues import issues
from osiris_dagster.aiop.sections.scope import Scope
from osiris_dagster.aiop.sections.timeline import timeline
from osiris_dagster.canonical import canonical_json

ENDINGS: dict[Compression, str] = {"none": "", "gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class Spool:
    """Lines of the run's log as they are to stand in the annex: clean, numbered, canonical. None without a log."""

    path: Path | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield the lines."""
        if self.path is not None:
            with self.path.open("rb") as file:
                yield from file


def write_annex(scope: Scope, logs: Spool, package: Path) -> tuple[Shard, ...]:
    """Write the shards that the options ask for below a package's folder; `scope` is of uncut facts."""
    options = scope.facts.options
    return tuple(_write(package, name, options.compress, _LINES[name](scope, logs)) for name in sorted(options.annex))


def _write(package: Path, name: str, compress: Compression, lines: Iterable[bytes]) -> Shard:
    file = f"{FOLDER}/{name}.ndjson{ENDINGS[compress]}"
    path = package / file
    path.parent.mkdir(exist_ok=True)
    digest, count, size = hashlib.sha256(), 0, 0
    with _opened(path, compress) as out:
        for line in lines:
            out.write(line)
            digest.update(line)
            count, size = count + 1, size + len(line)
    return Shard(name, count, size, digest.hexdigest(), file)


@contextmanager
def _opened(path: Path, compress: Compression) -> Iterator[IO[bytes]]:
    """Open a shard for writing; a compressed one has neither name nor time in it: equal lines give equal bytes."""
    if compress == "zstd":
        import pyarrow as pa  # noqa: PLC0415 - only who asks for zstd pays for it

        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            yield stream
    elif compress == "gzip":
        with path.open("wb") as plain, gzip.GzipFile("", "wb", 6, plain, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    else:
        with path.open("wb") as plain:
            yield plain


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a shard, each with its end; ValueError or OSError when it cannot be read."""
    if path.suffix == ".zst":
        import pyarrow as pa  # noqa: PLC0415 - only who has zstd pays for it

        with pa.input_stream(str(path), compression="zstd") as stream:
            yield from _split(iter(lambda: stream.read(1 << 20), b""))
        return
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        yield from cast("IO[bytes]", file)


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _line(value: Any) -> bytes:
    return canonical_json(value) + b"\n"


def _timeline(scope: Scope, _logs: Spool) -> Iterator[bytes]:
    return (_line(as_json(event)) for event in timeline(scope))


def _metrics(scope: Scope, _logs: Spool) -> Iterator[bytes]:
    owners: list[Run | StepRun] = [run_of(scope), *step_runs(scope)]
    yield from (_line(as_json(metric)) for owner in owners for metric in owner.metrics)
    yield from (_line(as_json(check)) for step in step_runs(scope) for check in step.checks)


def _errors(scope: Scope, _logs: Spool) -> Iterator[bytes]:
    return (_line(as_json(issue)) for issue in issues(scope))


def _logs(_scope: Scope, logs: Spool) -> Iterator[bytes]:
    return logs.lines()


def _discovery(scope: Scope, _logs: Spool) -> Iterator[bytes]:
    """Yield what is known about the columns of each step: as planned, and as this run saw them."""
    for plan in scope.plans.values():
        record = scope.records.get(plan.id)
        own = {
            "planned": planned_columns(scope, plan),
            "seen": columns_of(scope.names.step_run(plan.id), record.columns) if record else (),
        }
        line = {
            "step": scope.names.step(plan.id),
            "reads": [dataset_iri(item.key) for item in plan.reads],
            "writes": [dataset_iri(item.key) for item in plan.writes],
            **{name: [as_json(column) for column in columns] for name, columns in own.items()},
        }
        yield _line(line)


_LINES: dict[str, Callable[[Scope, Spool], Iterable[bytes]]] = {
    "timeline": _timeline,
    "metrics": _metrics,
    "errors": _errors,
    "logs": _logs,
    "discovery": _discovery,
}

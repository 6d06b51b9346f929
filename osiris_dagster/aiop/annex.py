"""The annex: everything that the core may have cut, as JSON lines, written as it comes and never held as a whole."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from osiris_dagster.aiop.execution import columns_of, run_of, step_runs
from osiris_dagster.aiop.ids import dataset_iri
from osiris_dagster.aiop.issues import issues
from osiris_dagster.aiop.jsonld import as_json
from osiris_dagster.aiop.model import Run, StepRun
from osiris_dagster.aiop.options import Compression
from osiris_dagster.aiop.scene import Scene
from osiris_dagster.aiop.shards import FOLDER, Shard
from osiris_dagster.aiop.timeline import timeline
from osiris_dagster.canonical import canonical_json

ENDINGS: dict[Compression, str] = {"none": "", "gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class Spool:
    """Lines of the run's log, already clean: a file of JSON objects, one a line. None when there is no log."""

    path: Path | None = None

    def lines(self) -> Iterator[Any]:
        """Yield the lines, numbered."""
        if self.path is None:
            return
        with self.path.open(encoding="utf-8") as file:
            for seq, line in enumerate(file, 1):
                yield {"seq": seq, **json.loads(line)}


def write_annex(scene: Scene, logs: Spool, package: Path) -> tuple[Shard, ...]:
    """Write the shards that the options ask for below a package's folder; `scene` is of uncut facts."""
    options = scene.facts.options
    return tuple(_write(package, name, options.compress, _RECORDS[name](scene, logs)) for name in sorted(options.annex))


def _write(package: Path, name: str, compress: Compression, records: Iterable[Any]) -> Shard:
    file = f"{FOLDER}/{name}.ndjson{ENDINGS[compress]}"
    path = package / file
    path.parent.mkdir(exist_ok=True)
    digest, count, size = hashlib.sha256(), 0, 0
    with _opened(path, compress) as out:
        for record in records:
            line = canonical_json(record) + b"\n"
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


def _timeline(scene: Scene, _logs: Spool) -> Iterator[Any]:
    return (as_json(event) for event in timeline(scene))


def _metrics(scene: Scene, _logs: Spool) -> Iterator[Any]:
    owners: list[Run | StepRun] = [run_of(scene), *step_runs(scene)]
    return (as_json(metric) for owner in owners for metric in owner.metrics)


def _errors(scene: Scene, _logs: Spool) -> Iterator[Any]:
    return (as_json(issue) for issue in issues(scene))


def _logs(_scene: Scene, logs: Spool) -> Iterator[Any]:
    return logs.lines()


def _discovery(scene: Scene, _logs: Spool) -> Iterator[Any]:
    """Yield what is known about the columns of each step: as planned, and as this run saw them."""
    for plan in scene.plans.values():
        record = scene.records.get(plan.id)
        own = {
            "planned": columns_of(scene.names.step(plan.id), plan.columns or ()),
            "seen": columns_of(scene.names.step_run(plan.id), record.columns) if record else (),
        }
        yield {
            "step": scene.names.step(plan.id),
            "reads": [dataset_iri(item.key) for item in plan.reads],
            "writes": [dataset_iri(item.key) for item in plan.writes],
            **{name: [as_json(column) for column in columns] for name, columns in own.items()},
        }


_RECORDS: dict[str, Callable[[Scene, Spool], Iterable[Any]]] = {
    "timeline": _timeline,
    "metrics": _metrics,
    "errors": _errors,
    "logs": _logs,
    "discovery": _discovery,
}

"""Small real drivers, and a laboratory that builds manifests from text and runs them."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from osiris_dagster.atomic import replacing
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepInput, StepPlan
from osiris_dagster.drivers.base import Artifact, StepCall, TransformInput, WriteReport
from osiris_dagster.project import Project
from osiris_dagster.redaction import Redactor
from osiris_dagster.steps.execution import Execution
from osiris_dagster.steps.report import StepEvent, StepProgress, StepRecord
from osiris_dagster.steps.runtime import Runtime

NUMBERS = pa.schema([("n", pa.int64())])


def numbers(values: list[int]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.int64())], schema=NUMBERS)


class MemoryDriver:
    """Extractor of numbers, processor that adds `plus` to each (or sums them), writer of one Parquet file.

    Every call and every batch passes `lab.at(step, point, ...)`, where a test may wait or raise.
    """

    def __init__(self, lab: Lab, call: StepCall) -> None:
        self.lab, self.call, self.config = lab, call, call.config
        self.stopped = threading.Event()
        lab.at(self, "open")
        lab.count(call.step_id, "opened")

    def schema(self) -> pa.Schema:
        return NUMBERS

    def read(self) -> pa.RecordBatchReader:
        self.lab.at(self, "read")
        return pa.RecordBatchReader.from_batches(self.config.get("schema", NUMBERS), self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for index, values in enumerate(self.config.get("batches", [[1, 2], [3]])):
            self.lab.at(self, "batch", index)
            yield values if isinstance(values, pa.RecordBatch) else numbers(values)
        self.lab.at(self, "end")

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        self.lab.at(self, "transform")
        return pa.RecordBatchReader.from_batches(NUMBERS, self._computed(inputs))

    def _computed(self, inputs: tuple[TransformInput, ...]) -> Iterator[pa.RecordBatch]:
        plus, total, index = self.config.get("plus", 0), 0, 0
        for each in inputs:
            for batch in each.rows:
                self.lab.at(self, "batch", index)
                values = batch.column(0).to_pylist()
                total, index = total + sum(values), index + 1
                if "sum" not in self.config:
                    yield numbers([value + plus for value in values])
        if "sum" in self.config:
            yield numbers([total + plus])

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        self.lab.at(self, "write")
        target = self.call.project.inside(self.config.get("path", f"out/{self.call.step_id}.parquet"))
        written = 0
        with replacing(target) as temporary:
            with pq.ParquetWriter(temporary, rows.schema) as file:
                for index, batch in enumerate(rows):
                    self.lab.at(self, "batch", index)
                    file.write_batch(batch)
                    written += batch.num_rows
            self.lab.at(self, "commit")
        data = target.read_bytes()
        path = self.call.project.relative(target)
        artifact = Artifact(path, len(data), hashlib.sha256(data).hexdigest(), "application/vnd.apache.parquet")
        self.lab.at(self, "committed")
        return WriteReport(
            self.config.get("claims", written), (artifact,), written, notes=tuple(self.config.get("notes", ()))
        )

    def cancel(self) -> None:
        self.lab.count(self.call.step_id, "canceled")
        self.stopped.set()
        self.lab.at(self, "cancel")

    def close(self) -> None:
        self.lab.count(self.call.step_id, "closed")
        self.lab.at(self, "close")


class DuckDBDriver(MemoryDriver):
    """A processor that runs SQL in DuckDB, which pulls its inputs from its own threads and rewraps their errors."""

    def __init__(self, lab: Lab, call: StepCall) -> None:
        super().__init__(lab, call)
        self.connection = duckdb.connect(":memory:", config={"threads": 2})

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        for each in inputs:
            self.connection.register(each.names[0], each.rows)
        return self.connection.sql(self.config["query"]).to_arrow_reader(self.config.get("batch_rows", 10_000))

    def cancel(self) -> None:
        super().cancel()
        self.connection.interrupt()

    def close(self) -> None:
        super().close()
        self.connection.close()


Hook = Callable[..., None]


class Lab:
    """One project, the drivers above, and hooks into them."""

    numbers = staticmethod(numbers)
    pipelines: Callable[[], st.SearchStrategy[str]]

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.redactor = Redactor()
        self.hooks: dict[tuple[str, str], Hook] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.calls: dict[str, StepCall] = {}
        self._lock = threading.Lock()

    def at(self, driver: MemoryDriver, point: str, *details: Any) -> None:
        self.calls[driver.call.step_id] = driver.call
        if hook := self.hooks.get((driver.call.step_id, point)):
            hook(driver, *details)

    def hook(self, place: str, function: Hook) -> None:
        step, _, point = place.partition(".")
        self.hooks[step, point] = function

    def fail(self, place: str, error: BaseException, index: int | None = None) -> None:
        def raise_it(_driver: MemoryDriver, at: int | None = None) -> None:
            if at == index:
                raise error

        self.hook(place, raise_it)

    def count(self, step: str, what: str) -> None:
        with self._lock:
            self.counts[step, what] += 1

    def manifest(self, text: str, **more: dict[str, Any]) -> Manifest:
        """Read lines `id role [< inputs] [after steps]`; `more` replaces fields of single steps."""
        plans: list[StepPlan] = []
        for line in filter(str.strip, text.splitlines()):
            head, _, after = line.partition(" after ")
            head, _, sources = head.partition("<")
            step, role = head.split()
            inputs = tuple(StepInput(name, (f"df_{name}",)) for name in sources.split())
            needs = tuple(dict.fromkeys((*sources.split(), *after.split())))
            fields: dict[str, Any] = {
                "id": step,
                "component": f"mem.{role}",
                "version": "1.0.0",
                "role": role,
                "config": {},
                "needs": needs,
                "inputs": inputs,
                "writes": (Dataset(("file", "out", f"{step}.parquet")),) if role == "writer" else (),
            }
            plans.append(StepPlan(**{**fields, **more.get(step, {})}))
        return Manifest("lab", "pipelines/lab.yaml", "0.1.0", tuple(plans))

    def runtime(self, **more: Any) -> Runtime:
        fields: dict[str, Any] = {
            "project": self.project,
            "factories": {"mem": lambda call: MemoryDriver(self, call), "sql": lambda call: DuckDBDriver(self, call)},
            "resolve": self.resolve,
            "redactor": self.redactor,
            "run_id": "run-1",
            "root_run_id": "run-0",
        }
        return Runtime(**{**fields, **more})

    def resolve(self, reference: str) -> dict[str, Any]:
        secret = f"secret of {reference}"
        self.redactor.register(secret)
        return {"password": secret}

    def execution(self, manifest: Manifest, selected: str | None = None, **more: Any) -> Execution:
        every = frozenset(step.id for step in manifest.steps)
        return Execution(manifest, every if selected is None else frozenset(selected.split()), self.runtime(**more))

    def run(self, manifest: Manifest, selected: str | None = None, **more: Any) -> Outcome:
        return Outcome(list(self.execution(manifest, selected, **more).events()))

    def written(self, step: str) -> list[int] | None:
        path = self.project.root / f"out/{step}.parquet"
        return pq.read_table(path).column(0).to_pylist() if path.exists() else None

    @staticmethod
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("osiris-")]

    @property
    def scratch(self) -> list[Path]:
        return sorted((self.project.state / "scratch").glob("*"))


class Outcome:
    """The events of a run, by step."""

    def __init__(self, events: list[StepEvent]) -> None:
        self.events = events
        ends = [event for event in events if isinstance(event, StepRecord)]
        self.ends = {end.step_id: end for end in ends}
        assert len(self.ends) == len(ends), "a step ended twice"
        self.reports = {step: end for step, end in self.ends.items() if end.status == "completed"}
        self.failures = {step: end for step, end in self.ends.items() if end.status != "completed"}

    @property
    def statuses(self) -> dict[str, str]:
        return {step: "ok" if end.status == "completed" else end.status for step, end in self.ends.items()}

    @property
    def order(self) -> list[str]:
        """Starts and ends; progress comes when it comes."""
        return [
            f"{type(event).__name__} {event.step_id}" for event in self.events if not isinstance(event, StepProgress)
        ]


@st.composite
def pipelines(draw: st.DrawFn) -> str:
    """Draw up to twelve lines for `Lab.manifest`."""
    lines: list[str] = []
    rows: list[str] = []
    for index in range(draw(st.integers(1, 12))):
        role = draw(st.sampled_from(["extractor", "processor", "writer"])) if rows else "extractor"
        most = {"extractor": 0, "processor": 2, "writer": 1}[role]
        inputs = draw(st.lists(st.sampled_from(rows), min_size=min(most, 1), max_size=most)) if most else []
        after = draw(st.lists(st.integers(0, index - 1), max_size=2)) if index else []
        lines.append(f"s{index} {role} < {' '.join(inputs)} after {' '.join(f's{i}' for i in after)}")
        rows += [f"s{index}"] if role != "writer" else []
    return "\n".join(lines)


Lab.pipelines = staticmethod(pipelines)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture(scope="session")
def new_lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lab]:
    """Return a maker of labs, for tests that need many."""
    return lambda: Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(autouse=True)
def _no_thread_survives() -> Iterator[None]:
    """Each test of this layer leaves no thread of ours behind."""
    before = Lab.threads()
    yield
    assert Lab.threads() == before

"""A project in a temporary folder and the calls of steps in it, with the defaults that the specs declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.base import Driver, StepCall, TransformInput, WriteReport
from osiris_dagster.drivers.registry import open_driver
from osiris_dagster.project import Project
from osiris_dagster.specs.load import load_catalogue


def spec_file(component: str) -> Mapping[str, Any]:
    """Return what stands in the spec of an installed component."""
    return load_catalogue().contents(component)


class Recorded(Mapping[str, Any]):
    """A configuration that remembers which options were asked for."""

    def __init__(self, config: Mapping[str, Any], asked: set[str]) -> None:
        self._config = config
        self._asked = asked

    def __getitem__(self, key: str) -> Any:
        self._asked.add(key)
        return self._config[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)


@dataclass
class Workbench:
    """Opens, uses and closes drivers; `asked` collects the options that each component read."""

    root: Path
    connection: Mapping[str, Any] = field(default_factory=dict)
    asked: dict[str, set[str]] = field(default_factory=dict)
    steps: int = 0

    @property
    def project(self) -> Project:
        return Project(self.root)

    def call(self, component: str, config: Mapping[str, Any], **parts: Any) -> StepCall:
        self.steps += 1
        scratch = self.root / ".osiris" / "scratch" / str(self.steps)
        scratch.mkdir(parents=True)
        complete = Recorded({**load_catalogue()[component].defaults, **config}, self.asked.setdefault(component, set()))
        base = {"pipeline": "orders", "step_id": "step", "connection": self.connection}
        return StepCall(
            component=component, config=complete, project=self.project, scratch=scratch, **{**base, **parts}
        )

    @contextmanager
    def opened(self, component: str, config: Mapping[str, Any], **parts: Any) -> Iterator[Driver]:
        driver = open_driver(load_catalogue()[component], self.call(component, config, **parts))
        try:
            yield driver
        finally:
            driver.close()

    def write(
        self, component: str, config: Mapping[str, Any], rows: pa.Table | pa.RecordBatchReader, **parts: Any
    ) -> WriteReport:
        with self.opened(component, config, **parts) as driver:
            return driver.write(rows.to_reader() if isinstance(rows, pa.Table) else rows)

    def read(self, component: str, config: Mapping[str, Any], **parts: Any) -> pa.Table:
        with self.opened(component, config, **parts) as driver:
            return driver.read().read_all()

    def schema(self, component: str, config: Mapping[str, Any], **parts: Any) -> pa.Schema:
        with self.opened(component, config, **parts) as driver:
            return driver.schema()

    def transform(self, query: str, *inputs: TransformInput, **config: Any) -> pa.Table:
        with self.opened("duckdb.processor", {"query": query, **config}) as driver:
            return driver.transform(inputs).read_all()

"""The Driver protocol: what a family must offer to the step runner. Arrow batches in and out, nothing else.

A driver instance serves one step of one run, in this order: `schema` or `read` / `transform` / `write`, then `close`.
`cancel` may come from another thread at any moment between opening and `close`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from osiris_dagster.columns import Columns
from osiris_dagster.drivers.positions import Advance, Since
from osiris_dagster.oml.partition import Partition
from osiris_dagster.project import Project
from osiris_dagster.specs.model import Package

if TYPE_CHECKING:
    import pyarrow as pa  # only to name its types: who merely knows of drivers, such as a code server, must not load it

TARGET_BATCH_BYTES = 8 * 1024 * 1024
"""Size that batches aim at: large enough to amortise a call, small enough that ten in flight are nothing."""


@dataclass(frozen=True, slots=True)
class StepCall:
    """Everything one driver instance may know about the step it runs."""

    pipeline: str
    step_id: str
    component: str
    config: Mapping[str, Any]  # resolved: defaults filled in, no connection, no secret
    connection: Mapping[str, Any]  # resolved fields of the connection, secrets included; empty without one
    project: Project
    role: str = ""  # what the step asks for: extractor, processor or writer; empty where only the schema is read
    oml: str = ""  # project path of the OML file that the step stands in
    reference: str = ""  # the name of the connection, "@family.alias", for messages
    setup: str = ""  # what makes the store, where it is not there yet, for messages
    run_id: str = ""
    root_run_id: str = ""
    scratch: Path = field(default_factory=Path)  # for spills; exists, is private, goes away with the run
    retry_of: str = ""  # the failed run that this one re-executes from its failure; empty for a new load
    columns: Columns = ()  # the step's own columns from the manifest; empty when they are known at run start
    since: Since | None = None  # an incremental extractor: which rows are new; it may hand on more
    advances: tuple[Advance, ...] = ()  # a writer: positions to commit with the rows
    wanted: tuple[str, ...] = ()  # the columns that are read after it, in order, when those are not all it has
    partition: Partition | None = None  # what the run works on, in a partitioned pipeline
    package: Package | None = None  # that the component came from when the pipeline was compiled
    store_written: bool = False  # another step of this run writes to the store this step reads: open it for both

    def selected(self, known: Iterable[str]) -> tuple[str, ...]:
        """Return the columns that an extractor reads of those its source has, in order.

        Columns that only `wanted` names may have gone since; then all are read, and the runner says what is missing.
        What `columns` of the configuration names is returned whether the source has it or not.
        """
        names = tuple(known)
        if self.wanted and set(self.wanted) <= set(names):
            return self.wanted
        return tuple(self.config.get("columns") or names)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a step left: project-relative path, size in bytes, SHA-256 in hex."""

    path: str
    size_bytes: int
    sha256: str
    mime_type: str


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write committed; `rows_total` is the size of the target afterwards where it is cheap to know."""

    rows_written: int
    artifacts: tuple[Artifact, ...] = ()
    rows_total: int | None = None
    notes: tuple[str, ...] = ()  # things a person should know, e.g. "column b added"


@dataclass(frozen=True, slots=True)
class TransformInput:
    """One input of a processor: the names SQL may use, the rows, and how often the plan scans them (0 = unknown)."""

    names: tuple[str, ...]
    rows: pa.RecordBatchReader
    scans: int = 0


class Driver(Protocol):
    """Moves the data of one step. A family implements what the modes of its specs say and raises for the rest.

    Errors: `DriverError` for what the driver can name, the library's own exception otherwise; both are recorded.
    """

    def schema(self) -> pa.Schema:
        """Return the schema `read` would have, without reading rows."""
        ...

    def read(self) -> pa.RecordBatchReader:
        """Open the source. The schema is known at once; batches are bounded in bytes and come on demand."""
        ...

    def transform(self, inputs: tuple[TransformInput, ...]) -> pa.RecordBatchReader:
        """Open a stream computed from the inputs; they are consumed while it is read."""
        ...

    def write(self, rows: pa.RecordBatchReader) -> WriteReport:
        """Write all rows and commit once. On any error the target is as it was before."""
        ...

    def cancel(self) -> None:
        """Make a call that is under way in another thread end soon with an error. Idempotent."""
        ...

    def close(self) -> None:
        """Release everything; called exactly once, also after errors, with the stream fully read or not."""
        ...


@runtime_checkable
class Noting(Protocol):
    """A driver that has something to say about what it read, e.g. values that a policy changed."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know; complete once the rows are read."""
        ...


DriverFactory = Callable[[StepCall], Driver]

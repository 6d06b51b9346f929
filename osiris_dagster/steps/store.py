"""Checkpoints that outlive the execution that made them, at a place that all workers of a run reach.

`<place>/<pipeline>/<root run>/<step>/` holds the rows, and beside them a description that is written last: rows
without one are not there. Whoever looks for rows names the digest of all that decides on them (`identity`).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

from osiris_dagster.atomic import replacing
from osiris_dagster.canonical import canonical_json, slug
from osiris_dagster.codec import from_stamped, stamped
from osiris_dagster.drivers.positions import Position, Since
from osiris_dagster.errors import RunError
from osiris_dagster.steps.checkpoint import Checkpoint, open_checkpoint
from osiris_dagster.steps.identity import Identities
from osiris_dagster.steps.increments import Begun
from osiris_dagster.steps.place import Place

Policy = Literal["auto", "always", "never"]
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of a step that an execution before this one has kept."""

    checkpoint: Checkpoint
    run_id: str
    at_ms: int
    begun: Mapping[str, Begun] = field(default_factory=dict)  # the incremental steps that the rows come from


@dataclass(frozen=True, slots=True)
class Store:
    """The checkpoints of one run of one pipeline, and those of other runs that it may read."""

    place: Place
    pipeline: str
    run_id: str
    root_run_id: str
    identities: Identities
    policy: Policy = "auto"
    isolated: bool = False  # each step runs for itself, so all rows that another step reads are kept
    resumes: bool = False  # the run goes on with a failed one: only what that one kept is right
    ran: frozenset[str] = frozenset()  # steps of this run, in whatever process

    @property
    def lasting(self) -> bool:
        """Whether rows are kept beyond the execution."""
        return self.isolated or self.policy != "never"

    def stem(self, step_id: str) -> Place:
        """Return a new name for rows of a step, in a folder that exists. RunError when it cannot be made."""
        folder = self._folder(step_id, self.root_run_id)
        try:
            _make(folder)
        except OSError as error:
            raise _unwritable(folder, error) from error
        return folder / secrets.token_hex(8)

    def publish(self, step_id: str, checkpoint: Checkpoint, begun: Mapping[str, Begun]) -> None:
        """Let others read the rows from now on. RunError for a fault of the disk."""
        folder = self._folder(step_id, self.root_run_id)
        kept = {step: _KeptBegun(one.since, one.before, one.position()) for step, one in begun.items()}
        told = _Description(checkpoint.path.name, self.run_id, time.time_ns() // 1_000_000, self.policy, kept)
        try:
            _write(folder / f"{self.identities.of(step_id)}.json", canonical_json(stamped(told, _VERSION)))
        except OSError as error:
            raise _unwritable(folder, error) from error

    def find(self, step_id: str, writers_after: Callable[[str], frozenset[str]]) -> Stored | None:
        """Return the rows of a step, of this chain of runs or else the newest of any other; None without any.

        Rows of an incremental read are only right for the run that began it and its retries, and for those of its
        writers whose positions it asked for. RunError when a step of this very run kept rows and they are not there.
        """
        own = self._read(self._folder(step_id, self.root_run_id), step_id)
        if self.isolated and step_id in self.ran and (own is None or own.run_id != self.run_id):
            raise RunError(
                f"the rows of step {step_id!r}, which this run has read, are not at the place of checkpoints",
                code="RUN090",
                found=f"nothing of this run in {self.place}",
                expected="a place that every process of the run reaches",
                fix="set `checkpoints.url` in osiris.yaml, or OSIRIS_CHECKPOINTS, to storage that all workers share",
            )
        if own is not None and all(writers_after(step) <= set(begun.before) for step, begun in own.begun.items()):
            return own
        if self.resumes:
            return None
        return max((other for other in self._others(step_id) if not other.begun), key=lambda s: s.at_ms, default=None)

    def _others(self, step_id: str) -> Iterator[Stored]:
        for root in folders_of(self.place / slug(self.pipeline)):
            if root.name != slug(self.root_run_id) and (found := self._read(root / slug(step_id), step_id)):
                yield found

    def _folder(self, step_id: str, root_run_id: str) -> Place:
        return self.place / slug(self.pipeline) / slug(root_run_id) / slug(step_id)

    def _read(self, folder: Place, step_id: str) -> Stored | None:
        """Return what is described there; None when there is nothing, or nothing that can be read any more."""
        try:
            value = json.loads((folder / f"{self.identities.of(step_id)}.json").read_bytes())
            told = from_stamped(_Description, value, _VERSION)
            if told is None:
                return None
            begun = {step: Begun(one.since, one.before, one.read_to) for step, one in told.begun.items()}
            return Stored(open_checkpoint(folder / told.rows), told.run_id, told.at_ms, begun)
        except (OSError, ValueError, pa.ArrowException):
            return None


def folders_of(folder: Place) -> Iterator[Place]:
    """Yield the folders in a folder; none when it does not exist."""
    with suppress(FileNotFoundError):
        yield from (entry for entry in folder.iterdir() if entry.is_dir())


@dataclass(frozen=True, slots=True)
class _KeptBegun:
    """An incremental step as it stands in a description: its position is that of the kept rows."""

    since: Since | None
    before: Mapping[str, Position | None]
    position: Position | None

    def read_to(self) -> Position | None:
        return self.position


@dataclass(frozen=True, slots=True)
class _Description:
    """What stands beside rows: the name of their file, the run that kept them, when and by which policy."""

    rows: str
    run_id: str
    at_ms: int
    policy: Policy
    begun: Mapping[str, _KeptBegun]


def _make(folder: Place) -> None:
    """Make a folder; a local one only its owner may enter."""
    if isinstance(folder, Path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        folder.fs.makedirs(folder.path, exist_ok=True)


def _write(path: Place, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, which is how an object store writes anyway."""
    if isinstance(path, Path):
        with replacing(path, mode=0o600, durable=False) as temporary:
            temporary.write_bytes(data)
    else:
        path.write_bytes(data)


def _unwritable(folder: Place, error: OSError) -> RunError:
    return RunError(
        f"checkpoints cannot be kept in {folder}: {error.strerror or error}",
        code="RUN091",
        fix="check `checkpoints.url` in osiris.yaml, the rights there and the space left",
    )

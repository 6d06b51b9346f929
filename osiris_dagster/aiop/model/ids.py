"""Names of things in a package: run fingerprint, IRIs, evidence ids, and the grammar that all of them obey.

Ids are written compact: `r:` stands for `<run IRI>/`, `p:` for `<pipeline IRI>/`; both prefixes are in the document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from osiris_dagster.canonical import canonical_json, sha256, slug
from osiris_dagster.errors import AiopError
from osiris_dagster.runs.record import EventRecord

T = TypeVar("T")
RUN_LEVEL = "_run"
"""Stands in an evidence id where a step would, when the evidence is about the run itself."""

NAME = r"[a-z0-9_-]+"
_DOTTED = rf"{NAME}(?:\.{NAME})*"
_EVIDENCE_ID = rf"ev\.(?:event|metric|artifact|output|issue|check)\.{NAME}\.{NAME}\.[0-9]{{13}}"
EVIDENCE_ID = re.compile(_EVIDENCE_ID)
_RUN = r"osiris://run/[0-9a-f]{32}"
_PIPELINE = rf"osiris://pipeline/{NAME}@[0-9a-f]{{64}}"
_TAIL = rf"(?:{NAME}|[0-9]+)"
IRI = re.compile(
    rf"(?:{_RUN}(?:/evidence/{_EVIDENCE_ID}(?:/cause/[0-9]+)?(?:/frame/[0-9]+)?|(?:/{_TAIL})*)"
    rf"|{_PIPELINE}(?:/{_TAIL})*"
    r"|osiris://aiop/[0-9a-f]{32}"
    rf"|osiris://(?:component/{_DOTTED}@{_DOTTED}|(?:dataset|connection)(?:/{_DOTTED})+))"
)
"""Every IRI of an instance; terms of the vocabularies live in other spaces."""

_LONGEST_IRI = 300
_LAST_MS = 9_999_999_999_999


@dataclass(frozen=True, slots=True)
class Names:
    """The ids of one run: its fingerprint, its pipeline, and one slug for every step."""

    fingerprint: str
    pipeline_slug: str
    manifest_hash: str
    slugs: dict[str, str]

    @property
    def folder(self) -> str:
        """Name of the folder of the pipeline's packages; `latest` is the name of a pointer."""
        return self.pipeline_slug if self.pipeline_slug != "latest" else f"latest-{sha256('latest')[:8]}"

    @property
    def package(self) -> str:
        """IRI of the package."""
        return f"osiris://aiop/{self.fingerprint}"

    @property
    def run(self) -> str:
        """IRI of the run."""
        return f"osiris://run/{self.fingerprint}"

    @property
    def pipeline(self) -> str:
        """IRI of the pipeline in the version that ran."""
        return f"osiris://pipeline/{self.pipeline_slug}@{self.manifest_hash}"

    @property
    def prefixes(self) -> dict[str, str]:
        """The per-document part of the context."""
        return {"r": f"{self.run}/", "p": f"{self.pipeline}/"}

    def step(self, step_id: str) -> str:
        """Id of a planned step."""
        return f"p:step/{self.slugs[step_id]}"

    def step_run(self, step_id: str) -> str:
        """Id of a step as this run executed it; the run itself for an empty step id."""
        return f"r:step/{self.slugs[step_id]}" if step_id else self.run

    def evidence(self, kind: str, items: Iterable[tuple[str, str, int]]) -> list[str]:
        """Return one id for each (step id or "", name, Unix ms); names that meet get `-2`, `-3`."""
        taken: set[str] = set()
        return [self._mint(kind, *item, taken) for item in items]

    def events(self, events: Sequence[EventRecord], kept: Iterable[int]) -> list[str]:
        """Return the ids of the kept events of a whole timeline; what is left out takes no id of another."""
        met: Counter[tuple[str, str, int]] = Counter()
        wanted, result = set(kept), []
        for index, event in enumerate(events):
            same = (event.step_id, event.type, event.ts_ms)
            met[same] += 1
            if index in wanted:
                step = self.slugs[event.step_id] if event.step_id else RUN_LEVEL
                number = f"-{met[same]}" if met[same] > 1 else ""
                result.append(f"r:evidence/ev.event.{step}.{event.type}{number}.{_thirteen(event.ts_ms)}")
        return result

    def _mint(self, kind: str, step_id: str, name: str, ms: int, taken: set[str]) -> str:
        step = self.slugs[step_id] if step_id else RUN_LEVEL
        plain, number, ending = slug(name), 1, _thirteen(ms)
        found = f"ev.{kind}.{step}.{plain}.{ending}"
        while found in taken:
            number += 1
            found = f"ev.{kind}.{step}.{plain}-{number}.{ending}"
        if not EVIDENCE_ID.fullmatch(found):
            raise AiopError(f"evidence id {found!r} breaks the grammar", found=found, expected=EVIDENCE_ID.pattern)
        taken.add(found)
        return f"r:evidence/{found}"


def _thirteen(ms: int) -> str:
    return f"{min(max(ms, 0), _LAST_MS):013d}"


def names_of(pipeline: str, step_ids: Sequence[str], run_id: str, manifest_hash: str, start_ms: int) -> Names:
    """Return the names of a run; the same run gives the same names on every machine."""
    return Names(
        run_fingerprint(run_id, manifest_hash, start_ms), slug(pipeline), manifest_hash, unique_slugs(step_ids)
    )


def run_fingerprint(run_id: str, manifest_hash: str, start_ms: int) -> str:
    """Return 32 hex digits that identify one run of one pipeline."""
    named = {"v": 1, "manifest_hash": manifest_hash, "dagster_run_id": run_id, "start_ms": start_ms}
    return sha256(canonical_json(named))[:32]


def unique_slugs(names: Iterable[str]) -> dict[str, str]:
    """Give every step a slug of its own; `_run` is kept free for the run.

    >>> unique_slugs(["a", "A b", "_run"])
    {'a': 'a', 'A b': 'a-b-a760b0e1', '_run': '_run-2'}
    """
    different = list(dict.fromkeys(names))
    return dict(zip(different, distinct_slugs(different, reserved=(RUN_LEVEL,)), strict=True))


def distinct_slugs(names: Iterable[str], reserved: Iterable[str] = ()) -> list[str]:
    """Return a slug for each name, in their order; names that meet get `-2`, `-3`.

    >>> distinct_slugs(["id", "id"])
    ['id', 'id-2']
    """
    result: list[str] = []
    taken = set(reserved)
    for name in names:
        plain = slug(name)
        candidate, number = plain, 1
        while candidate in taken:
            number += 1
            candidate = f"{plain}-{number}"
        taken.add(candidate)
        result.append(candidate)
    return result


def named(owner: str, values: Mapping[str, T]) -> list[tuple[str, str, T]]:
    """Return id, name and value for each entry of a mapping, sorted by name.

    >>> named("p:tag", {"b": 1, "": 2})
    [('p:tag/x-e3b0c442', '(empty)', 2), ('p:tag/b', 'b', 1)]
    """
    ordered = sorted(values.items())
    slugs = distinct_slugs(name for name, _ in ordered)
    return [(f"{owner}/{part}", name or "(empty)", value) for part, (name, value) in zip(slugs, ordered, strict=True)]


def dotted(text: str) -> str:
    """Return a slug that keeps the dots, for names such as `duckdb.extractor` and `2.0.0`."""
    return ".".join(slug(part) for part in text.split("."))


def component_iri(name: str, version: str) -> str:
    """IRI of a component in one version."""
    return f"osiris://component/{dotted(name)}@{dotted(version)}"


def connection_iri(reference: str) -> str:
    """IRI of a connection that OML names as `@family.alias`."""
    family, _, alias = reference.removeprefix("@").partition(".")
    return f"osiris://connection/{slug(family)}/{slug(alias)}"


def dataset_iri(key: Sequence[str]) -> str:
    """IRI of a table or file, equal in every run that touches it."""
    iri = "osiris://dataset/" + "/".join(dotted(part) for part in key)
    if len(iri) <= _LONGEST_IRI and key:
        return iri
    return f"osiris://dataset/{slug(key[0]) if key else 'unnamed'}/{sha256(canonical_json(list(key)))[:32]}"

"""What every node of a package has, and the terms that mean the same in a vocabulary of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Ref = str
"""The id of a node: absolute, or compact with the prefix `r:` or `p:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something with an id.

    A subclass may add TERMS of its own: what a field is called in a vocabulary of others. A field in none of these
    tables is a term of ours, `aiop:<field>`. RULES are JSON Schema beyond what the types of the fields say.
    """

    KINDS: ClassVar[tuple[str, ...]] = ()
    TERMS: ClassVar[Mapping[str, Any]] = {
        "about": "schema:about",
        "code_version": "schema:softwareVersion",
        "component": "schema:instrument",
        "dagster_run_id": "schema:identifier",
        "description": "schema:description",
        "end_time": "prov:endedAtTime",
        "message": "schema:error",
        "metric_name": "schema:propertyID",
        "metrics": "wfrun:resourceUsage",
        "name": "schema:name",
        "part_of": "dcterms:isPartOf",
        "sha256": "schema:sha256",
        "size_bytes": "dcat:byteSize",
        "start_time": "prov:startedAtTime",
        "status": {
            "@id": "schema:actionStatus",
            "@type": "@vocab",
            "@context": {
                "completed": "schema:CompletedActionStatus",
                "failed": "schema:FailedActionStatus",
                "aborted": "aiop:AbortedActionStatus",
                "canceled": "aiop:CanceledActionStatus",
                "skipped": "aiop:SkippedActionStatus",
            },
        },
        "text": "schema:text",
        "ts": "prov:generatedAtTime",
        "unit": "schema:unitText",
        "version_of": "prov:specializationOf",
    }
    RULES: ClassVar[Mapping[str, Any]] = {}
    id: str

"""The JSON-LD context that every package carries inline, its digest, and the version of schema and context."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from osiris_dagster.canonical import canonical_json, sha256

CONTEXT: dict[str, Any] = json.loads(files("osiris_dagster.aiop.model").joinpath("context.json").read_bytes())
CONTEXT_SHA256 = sha256(canonical_json(CONTEXT))
SCHEMA_VERSION = "1.0.0"
"""Raised with each change of the context; `tests/aiop/contexts.json` keeps the digests."""

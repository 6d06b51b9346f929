"""The key under which a committed write is recorded, the same for all retries of a load; and what a retry may skip."""

from __future__ import annotations

from osiris_dagster.canonical import canonical_json, sha256, slug
from osiris_dagster.drivers.base import StepCall

SCHEMA = "_osiris"
"""Schema, or database, of the record of loads and of staging tables."""
LOADS = "loads"
STAGE_PREFIX = "stage_"
KEPT_DAYS = 30
KEY_COLUMNS = ("root_run_id", "pipeline", "step", "target", "plan")
"""Columns of the record that are its primary key, in the order of `load_key`."""


def load_key(call: StepCall, target: str) -> list[str]:
    """Return what identifies a load for all its retries."""
    plan = plan_digest(call)
    return [call.root_run_id or call.run_id, call.pipeline, call.step_id, target, plan]


def plan_digest(call: StepCall) -> str:
    """Return the digest of what a step writes: its configuration, and the partition or range of the run."""
    partition = [call.partition.name] if call.partition else []
    return sha256(canonical_json([call.component, dict(call.config), *partition]))


def is_same_load(call: StepCall, recorded_run: str) -> bool:
    """Tell whether a load that `recorded_run` committed under the same key spares this one.

    Only a retry is spared: of the same run, or of the run that it re-executes from its failure. Executing everything
    again is a new load, although its root run is the same.
    """
    return bool(call.retry_of) or recorded_run == call.run_id


def stage_name(call: StepCall) -> str:
    """Return the name of a step's staging table: ASCII, under 63 bytes."""
    step = slug(call.step_id)[:30]
    own = sha256(f"{call.pipeline}/{call.step_id}")[:8]
    return f"{STAGE_PREFIX}{sha256(call.run_id)[:8]}_{step}_{own}"

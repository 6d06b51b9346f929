"""Tags that a run carries in Dagster, so that it can be found, read and, when its process is gone, ended."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil

from osiris_dagster.oml.partition import RANGE

ORIGIN = "osiris/origin"  # cli: in the process of `osiris run`
PIPELINE = "osiris/pipeline"
MANIFEST = "osiris/manifest"  # first 32 hex digits of the manifest hash
FULL_REFRESH = "osiris/full_refresh"  # true: incremental steps begin anew
HOST = "osiris/host"
PID = "osiris/pid"
STARTED = "osiris/process_start"  # seconds since the epoch, so that a reused pid is not mistaken
PARTITION = "dagster/partition"  # Dagster's own: the key of a run, or the ends of the range it works on
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PROCESS_OF = "osiris/process_of"  # the run whose process it is: a re-execution takes over the tags of its parent
MAX_RETRIES = "dagster/max_retries"  # of a pipeline that Dagster is to retry
RETRY_STRATEGY = "dagster/retry_strategy"


def process_tags(run_id: str, pid: int) -> dict[str, str]:
    """Return the tags by which the process of a run on this host is found. psutil.Error when it is gone."""
    started = psutil.Process(pid).create_time()
    return {HOST: socket.gethostname(), PID: str(pid), STARTED: str(started), PROCESS_OF: run_id}


def worked_on(tags: Mapping[str, str]) -> str:
    """Return the partition or the range that a run works on, empty for a run without."""
    first, last = tags.get(RANGE_START, ""), tags.get(RANGE_END, "")
    return f"{first}{RANGE}{last}" if first != last else first or tags.get(PARTITION, "")

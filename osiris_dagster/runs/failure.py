"""Dagster's own error of a run as our error record: for failures that happen before or outside our steps."""

from __future__ import annotations

import re

from dagster import DagsterEvent

from osiris_dagster.errors import ErrorInfo, Frame

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_MAX_FRAMES = 20


def dagster_error(event: DagsterEvent) -> ErrorInfo:
    """Return what a failure event of Dagster says, without the host's paths."""
    data = event.event_specific_data
    info = getattr(data, "error", None)
    if info is None:
        return ErrorInfo("RunFailure", (event.message or "the run failed").strip())
    root = info
    while root.cause is not None:
        root = root.cause
    lines = (_FRAME.search(text) for text in root.stack[-_MAX_FRAMES:])
    frames = tuple(_frame(match) for match in lines if match)
    first_line = root.message.strip().partition("\n")[0]
    message = first_line.partition(": ")[2] or first_line or (event.message or "")
    return ErrorInfo(str(root.cls_name or "RunFailure"), message[:2000], frames=frames)


def _frame(match: re.Match[str]) -> Frame:
    path = match["file"].replace("\\", "/")
    for anchor in ("/site-packages/", "/dist-packages/"):
        if anchor in path:
            return Frame(path.partition(anchor)[2], int(match["line"]), match["function"])
    ours = path.rpartition("/osiris_dagster/")
    if ours[1]:
        return Frame(f"osiris_dagster/{ours[2]}", int(match["line"]), match["function"], in_project=True)
    return Frame(path.rpartition("/")[2], int(match["line"]), match["function"])

"""Ask a running webserver to load the project again, so that new and changed files appear without a restart."""

from __future__ import annotations

import time

from osiris_dagster.verbs.asked import Asked
from osiris_dagster.verbs.outcome import Outcome
from osiris_dagster.verbs.webserver import webserver


def reload(asked: Asked, *, url: str = "", location: str = "") -> Outcome:  # noqa: ARG001 - every verb is asked by someone
    """Reload the location and wait until it is there; runs that are going on keep what they began with.

    Raises ConfigError when no webserver answers, CompileError when the location does not load.
    """
    server = webserver(url)
    name = server.location(location)
    start = time.monotonic()
    server.reload(name)
    took = round(time.monotonic() - start, 1)
    return Outcome({"url": server.url, "location": name, "seconds": took}, f"reloaded {name} in {took:g} s")

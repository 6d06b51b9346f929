"""Connections in, one answer each out: whatever goes wrong is an answer, and none takes longer than its time."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import closing
from dataclasses import dataclass

from osiris_dagster.connections.resolution import Connections
from osiris_dagster.drivers.inspection import ConnectionCall, Probe
from osiris_dagster.drivers.registry import open_inspector
from osiris_dagster.errors import ConfigError, OsirisError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.project import Project
from osiris_dagster.redaction import Redactor
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.nearest import did_you_mean

_GRACE = 2.0  # times its own limit that an inspector gets before it is given up


@dataclass(frozen=True, slots=True)
class Asking:
    """What is needed to ask any connection of a project."""

    project: Project
    connections: Connections
    catalogue: Catalogue
    timeout: float = 5.0  # seconds


def probe_all(asking: Asking, facts: tuple[ConnectionFacts, ...]) -> list[Probe]:
    """Ask all at the same time and return the answers in order; nothing is raised, no secret is in them."""
    asked = [_in_background(asking, one) for one in facts]
    return [_answer(future, asking) for future in asked]


def _in_background(asking: Asking, facts: ConnectionFacts) -> Future[Probe]:
    """Ask in a thread that may be left behind: not every client library keeps to the time it is given."""
    future: Future[Probe] = Future()
    thread = threading.Thread(target=lambda: future.set_result(_probe(asking, facts)), daemon=True)
    thread.start()
    return future


def _answer(future: Future[Probe], asking: Asking) -> Probe:
    try:
        return future.result(asking.timeout * _GRACE)
    except NoAnswer:
        return Probe("timeout", f"no answer within {asking.timeout * _GRACE:g} s", "check host, port and firewall")


def _probe(asking: Asking, facts: ConnectionFacts) -> Probe:
    specs = asking.catalogue.discovering(facts.family)
    if not specs:
        return _without_inspector(asking.catalogue, facts.family)
    try:
        fields = asking.connections.resolve(facts.reference)
    except ConfigError as error:
        return Probe("configuration", error.first.message, error.first.fix)
    call = ConnectionCall(facts.reference, fields, asking.project, asking.timeout)
    return probe_one(specs[0], call, asking.connections.redactor)


def probe_one(spec: ComponentSpec, call: ConnectionCall, redactor: Redactor) -> Probe:
    """Ask one connection; whatever is raised becomes an answer."""
    try:
        with closing(open_inspector(spec, call)) as inspector:
            found = inspector.probe()
    except ConfigError as error:
        found = Probe("configuration", error.first.message, error.first.fix)
    except OsirisError as error:
        found = Probe("unknown", error.first.message, error.first.fix)
    except Exception as error:  # noqa: BLE001 - the border: what a client library raises is an answer, too
        found = Probe("unknown", f"{type(error).__name__}: {error}")
    return _clean(found, redactor)


def _without_inspector(catalogue: Catalogue, family: str) -> Probe:
    if family in catalogue.families:
        return Probe("unsupported", f"connections of the family {family} cannot be asked")
    if unusable := catalogue.why_not(family):
        return Probe("configuration", unusable.diagnostic.message, unusable.diagnostic.fix)
    fix = did_you_mean(family, catalogue.families) or f"use one of: {', '.join(catalogue.families)}"
    return Probe("configuration", f"no component is of the family {family}", fix)


def _clean(probe: Probe, redactor: Redactor) -> Probe:
    message, fix, server = (redactor.text(text) for text in (probe.message, probe.fix, probe.server))
    return Probe(probe.category, " ".join(message.split()), fix, server, probe.latency_ms)

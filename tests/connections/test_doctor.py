"""Asking connections: inspectors that hang, break or talk too much become answers, in time and without a secret."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from osiris_dagster.connections.discovery import discover
from osiris_dagster.connections.doctor import Asking, probe_all
from osiris_dagster.connections.project import load_connections
from osiris_dagster.drivers.inspection import ConnectionCall, FoundTable, Probe
from osiris_dagster.errors import DriverError
from osiris_dagster.project import Project
from osiris_dagster.specs.load import read_catalogue

SECRET = "hunter2-hunter2"
AWAKE = threading.Event()


class OddInspector:
    """Answers as the field `way` of its connection says."""

    def __init__(self, call: ConnectionCall) -> None:
        self._fields = call.connection

    def _answer(self) -> Probe:
        match self._fields["way"]:
            case "hangs":
                AWAKE.wait(60)
            case "breaks":
                raise RuntimeError(f"no route for\nme:{self._fields['password']}@host")
            case "names":
                raise DriverError(f"refused for {self._fields['password']}", fix=f"not {self._fields['password']}")
        return Probe("ok", server=f"Odd 1.0 {self._fields['password']}")

    def probe(self) -> Probe:
        return self._answer()

    def tables(self, pattern: str) -> tuple[FoundTable, ...]:
        self._answer()
        return tuple(FoundTable("", name, "table", ()) for name in ("b", "a"))

    def stamp(self) -> str:
        return ""

    def close(self) -> None:
        pass


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    spec: Mapping[str, Any] = {
        "name": "odd.extractor",
        "version": "1.0.0",
        "title": "Odd",
        "description": "Odd.",
        "modes": ["extract"],
        "capabilities": {"discover": True},
        "connection": "required",
        "configSchema": {"type": "object", "properties": {}, "additionalProperties": False},
        "x-runtime": {"driver": f"{__name__}:Absent", "inspector": f"{__name__}:OddInspector"},
    }
    ways = ("fine", "hangs", "breaks", "names")
    (tmp_path / "osiris_connections.yaml").write_text(
        yaml.safe_dump({"connections": {"odd": {way: {"way": way, "password": SECRET} for way in ways}}})
    )
    folder = tmp_path / "components" / "odd.extractor"
    folder.mkdir(parents=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(dict(spec)))
    project = Project(tmp_path)
    return Asking(project, load_connections(project, env={}), read_catalogue(tmp_path / "components"), timeout=0.2)


def test_every_connection_gets_an_answer_in_time_and_in_order(asking: Asking) -> None:
    facts = asking.connections.facts
    probes = {one.alias: probe for one, probe in zip(facts, probe_all(asking, facts), strict=True)}
    AWAKE.set()
    assert {alias: probe.category for alias, probe in probes.items()} == {
        "fine": "ok",
        "hangs": "timeout",
        "breaks": "unknown",
        "names": "unknown",
    }
    assert probes["breaks"].message == "RuntimeError: no route for me:[REDACTED]@host"
    assert SECRET not in str(probes)


@pytest.mark.parametrize(("way", "code"), [("breaks", "CFG071"), ("names", "DRV001")])
def test_an_error_of_an_inspector_is_raised_without_a_secret(asking: Asking, way: str, code: str) -> None:
    with pytest.raises(DriverError) as caught:
        discover(asking, f"@odd.{way}")
    assert caught.value.first.code == code
    assert SECRET not in f"{caught.value} {caught.value.diagnostics!r}"
    assert caught.value.__cause__ is None


def test_tables_come_in_the_order_of_their_names(asking: Asking) -> None:
    assert [table.name for table in discover(asking, "@odd.fine").tables] == ["a", "b"]

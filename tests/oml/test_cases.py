"""Every case of `cases/*.yaml`: a text and exactly the findings it must give.

A case has `text` (a whole document), or `top` (top-level keys; what a document needs besides is appended), or `steps`
(items of `steps`; lines count from the first item), or `repeat` (`head`, `unit`, `times`, `tail`), or `hex`.
What is known about connections stands in `connections` or in the text `connections_file`, known secrets in `known`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from osiris_dagster.connections.file import read_connections_file
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.connections.schema import connection_reports
from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.render import render
from osiris_dagster.oml.rules import RULES
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.catalogue import Catalogue

FOLDER = Path(__file__).parent / "cases"
HEAD = 'oml_version: "{version}"\nname: orders\nsteps:\n'
STEP = "  - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}\n"


def load() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['name']}")
        for file in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.safe_load(file.read_text("utf-8"))
    ]


def document_of(case: dict[str, Any]) -> tuple[str | bytes, int]:
    """Return the text of a case and the number of lines put before its own."""
    version = case.get("version", "0.2.0")
    if "text" in case:
        return case["text"], 0
    if "hex" in case:
        return bytes.fromhex(case["hex"]), 0
    if "repeat" in case:
        part = case["repeat"]
        return part.get("head", "") + part["unit"] * part["times"] + part.get("tail", ""), 0
    if "steps" in case:
        head = HEAD.format(version=version)
        return head + "".join(f"  {line}\n" for line in case["steps"].splitlines()), head.count("\n")
    top = case["top"].rstrip("\n") + "\n"
    keys = {line.partition(":")[0] for line in top.splitlines()}
    top += "" if "oml_version" in keys else f'oml_version: "{version}"\n'
    top += "" if "name" in keys else "name: orders\n"
    return top + ("" if "steps" in keys else f"steps:\n{STEP}"), 0


def facts_of(case: dict[str, Any], catalogue: Catalogue) -> tuple[ConnectionFacts, ...] | None:
    """Return what is known about the connections of a case: from `connections`, or from a file's text."""
    if "connections_file" in case:
        text, name = case["connections_file"], "osiris_connections.yaml"
        reports = connection_reports(text, name, catalogue)
        return Connections(read_connections_file(text, name), {}, {}, reports).facts
    facts = case.get("connections")
    return None if facts is None else tuple(ConnectionFacts(**fact) for fact in facts)


@pytest.mark.parametrize("case", load())
def test_case_gives_exactly_its_findings(case, catalogue):
    text, offset = document_of(case)
    connections = facts_of(case, catalogue)

    result = validate(
        text, "pipelines/a.yaml", catalogue, connections=connections, mode=case.get("mode", "warn"),
        params=case.get("params"), secrets=case.get("known", ()),
    )  # fmt: skip

    expected = case.get("expect", [])
    shown = render(result.diagnostics)
    got = [(d.code, d.place.line - (offset if d.place.file.endswith("a.yaml") else 0)) for d in result.diagnostics]
    assert got == [(item["code"], item["line"]) for item in expected], shown
    for finding, item in zip(result.diagnostics, expected, strict=True):
        for part in ("fix", "message", "found", "expected", "path", "severity", "source"):
            assert item.get(part, "") in getattr(finding, part), (part, finding)
        if "column" in item:
            assert finding.place.column - (2 if offset else 0) == item["column"], finding
        if "alias" in item:
            assert finding.alias == item["alias"]
        if "edit" in item:
            assert [change.replacement for change in finding.edits] == [item["edit"]]
    for secret in case.get("hidden", ()):
        assert secret not in shown
        assert all(secret not in str(finding.as_dict()) for finding in result.diagnostics)
    assert result.ok == (not any(finding.severity == "error" for finding in result.diagnostics))
    assert (result.pipeline is not None) == result.ok


@pytest.mark.parametrize("case", [param for param in load() if "fixed" in param.values[0]])
def test_case_is_fixed_as_it_says_and_stays_so(case, catalogue):
    check = partial(
        validate,
        file="pipelines/a.yaml",
        catalogue=catalogue,
        connections=facts_of(case, catalogue),
    )
    text, _ = document_of(case)
    part = next(part for part in ("text", "steps", "top") if part in case)
    wanted, _ = document_of({**case, part: case["fixed"]})

    done = fix(check(text), check)

    assert done.text == wanted, render(done.validation.diagnostics)
    assert fix(done.validation, check).mended == ()
    assert case.get("then", []) == [finding.code for finding in done.validation.errors]


def test_every_rule_has_a_case_that_breaks_it():
    broken = {item["code"] for param in load() for item in param.values[0].get("expect", ())}
    assert broken == {rule.code for rule in RULES}


def test_case_names_are_unique():
    names = [param.id for param in load()]
    assert len(set(names)) == len(names)
    assert len(names) >= 300

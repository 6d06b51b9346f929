"""The manual page of every rule is complete, and its examples are true: the wrong one breaks the rule, the right one
does not.
"""

from __future__ import annotations

import re

import pytest

from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.render import render
from osiris_dagster.oml.rules import RULES
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import load_catalogue

FACTS = (
    ConnectionFacts("duckdb", "warehouse", default=True, fields=("path",)),
    ConnectionFacts("duckdb", "shop", fields=("path",)),
    ConnectionFacts("duckdb", "empty"),
    ConnectionFacts("mysql", "shop", fields=("database", "host", "password", "user")),
    ConnectionFacts("postgres", "shop", fields=("database", "host", "password", "user")),
    *(
        ConnectionFacts("duckdb", alias, fields=("path",), faults=(Diagnostic(code, "x", place=Place("c.yaml", 3, 5)),))
        for alias, code in (("misspelt", "OML120"), ("wrong", "OML121"), ("open", "OML122"))
    ),
)
SECRETS = ("known-to-the-tests",)
HEAD = 'oml_version: "0.2.0"\nname: orders\nsteps:\n'
STEP = "  - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}\n"
COMPONENT = re.compile(r"component: ([\w.]+)")


def whole(fragment: str) -> str:
    """Make a document of an example: steps are put into one, top-level keys are completed."""
    text = re.sub(r"<U\+([0-9A-F]{4})>", lambda match: chr(int(match[1], 16)), fragment).replace("<TAB>", "\t")
    keys = {line.partition(":")[0] for line in text.splitlines()}
    if text.startswith(("- {id:", "- id:")):
        return HEAD + "".join(f"  {line}\n" for line in text.splitlines())
    if len(keys & {"oml_version", "name", "steps"}) >= 2 or text.startswith("- "):
        return text + "\n"
    text += "\n"
    text += "" if "oml_version" in keys else 'oml_version: "0.2.0"\n'
    text += "" if "name" in keys else "name: orders\n"
    return text + ("" if "steps" in keys else f"steps:\n{STEP}")


def examples() -> list[object]:
    """Examples whose components are all in the catalogue."""
    known = load_catalogue()
    return [
        pytest.param(rule, part, id=f"{rule.code} {'wrong' if part == rule.manual.wrong else 'right'}")
        for rule in RULES
        for part in (rule.manual.wrong, rule.manual.right)
        if all(name in known or "procesor" in name for name in COMPONENT.findall(part))
    ]


@pytest.mark.parametrize(("rule", "part"), examples())
def test_manual_example_is_true(rule, part):
    result = validate(whole(part), "a.yaml", load_catalogue(), connections=FACTS, secrets=SECRETS)

    shown = f"{part}\n\n{render(result.diagnostics)}"
    if part == rule.manual.wrong:
        assert rule.code in {finding.code for finding in result.diagnostics}, shown
    else:
        assert rule.code not in {finding.code for finding in result.diagnostics}, shown
        assert {finding.code for finding in result.errors} <= {"OML100"}, shown  # well written, and not done yet


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_manual_page_is_complete(rule):
    page = rule.manual
    assert re.fullmatch(r"OML\d{3}", rule.code)
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert len(page.text) > 40
    assert page.text.endswith(".")
    assert page.wrong
    assert page.right
    assert page.wrong != page.right


def test_codes_are_unique_and_in_order():
    listed = [rule.code for rule in RULES]
    assert listed == sorted(set(listed))


def test_advisory_rules_are_warnings_by_default():
    assert {rule.severity for rule in RULES if rule.advisory} == {"warning"}
    assert {rule.code for rule in RULES if rule.advisory} == {
        "OML024", "OML028", "OML043", "OML046", "OML047", "OML120",
    }  # fmt: skip

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import yaml

from osiris_dagster.aiop.model.node import Node
from osiris_dagster.aiop.model.values import Count, RunId, Text, Value
from osiris_dagster.oml.rules import RULES
from osiris_dagster.specs.load import read_catalogue

ROOT = Path(__file__).parent.parent.parent
_OTHERS = yaml.safe_load((ROOT / "docs" / "codes.yaml").read_text("utf-8"))
LAYERS, CODES = _OTHERS["layers"], _OTHERS["codes"]
CODE = re.compile(rf"[\"']((?:{'|'.join(LAYERS)}|OML)\d{{3}})[\"']")


@dataclass(frozen=True, kw_only=True)
class Greeting(Node):
    KINDS = ("Greeting",)
    name: Text
    warmth: Count


@dataclass(frozen=True, kw_only=True)
class Guest(Node):
    KINDS = ("Guest",)
    warmth: Text
    greeting: Greeting


@dataclass(frozen=True, kw_only=True)
class Untold(Node):
    KINDS = ("Untold",)
    id: RunId
    note: str


@dataclass(frozen=True, kw_only=True)
class Doubled(Node):
    KINDS = ("Doubled",)
    id: RunId
    one: Text
    other: Annotated[str, Value({"const": "other"}, "text")]


@pytest.fixture
def generate():
    return loaded("generate")


@pytest.fixture
def package_schema():
    return loaded("package_schema")


def loaded(name: str):
    found = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_code_in_the_source_is_documented():
    documented = {*CODES, *(rule.code for rule in RULES)}
    used = {code for file in (ROOT / "osiris_dagster").rglob("*.py") for code in CODE.findall(file.read_text("utf-8"))}

    assert used - documented == set()


def test_every_documented_code_is_in_use():
    used = {code for file in (ROOT / "osiris_dagster").rglob("*.py") for code in CODE.findall(file.read_text("utf-8"))}

    assert set(CODES) - used == set()


def test_every_code_has_an_anchor(generate):
    page = generate.diagnostics_page()

    for code in (*CODES, *(rule.code for rule in RULES)):
        assert page.count(f'<a id="{code.lower()}"></a>') == 1


def test_every_layer_has_a_title():
    assert {code[:3] for code in CODES} <= set(LAYERS)


def test_components_are_described_with_their_options(generate):
    page = generate.components_page(read_catalogue(ROOT / "tests" / "specs" / "data"))

    assert "### demo.extractor" in page
    assert "| `batch_size` | a whole number from 100 to 100000 | `10000` | Rows fetched at once. |" in page
    assert "| `host` | text that is not empty | required | Server. |" in page
    assert "`database` (forbidden)" in page
    assert "- basic authentication needs a user" in page
    assert "  connection: '@demo.shop'" in page


def test_files_are_written_once_and_checked(generate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "ROOT", tmp_path)

    assert generate.main(["--check"]) == 1
    assert "docs/reference/diagnostics.md is not current" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*")) == [
        "docs/reference/aiop.md",
        "docs/reference/components.md",
        "docs/reference/diagnostics.md",
        "docs/reference/oml.md",
        "docs/reference/public.md",
        "docs/types.md",
        "osiris_dagster/aiop/model/context.json",
        "osiris_dagster/aiop/model/core.schema.json",
    ]


@pytest.mark.parametrize("name", ["context.json", "core.schema.json"])
def test_what_is_generated_does_not_depend_on_the_file_that_is_there(generate, tmp_path, monkeypatch, name):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    generate.main([])
    made, packaged = ((root / generate.MODEL / name).read_text("utf-8") for root in (tmp_path, ROOT))
    assert json.loads(made) == json.loads(packaged)
    assert made.count("\n") == packaged.count("\n")


def test_a_new_term_stands_at_the_end_of_the_context(package_schema):
    current = json.dumps({"name": "other:name", "gone": "aiop:gone", "Greeting": "aiop:Greeting"})
    terms = json.loads(package_schema.context_text(current, Greeting))
    assert list(terms)[:2] == ["name", "Greeting"]
    assert list(terms)[-1] == "warmth"
    assert (terms["name"], terms["warmth"]) == ("schema:name", {"@id": "aiop:warmth", "@type": "xsd:integer"})


def test_a_term_with_two_meanings_is_refused(package_schema):
    with pytest.raises(ValueError, match=r"Greeting\.warmth is .* elsewhere aiop:warmth"):
        package_schema.context_text("", Guest)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Untold, r"Untold\.note: .*values\.py instead of <class 'str'>"), (Doubled, r"Doubled\.other: .* name 'text'")],
)
def test_a_field_whose_rule_is_missing_or_ambiguous_is_refused(package_schema, kind, said):
    with pytest.raises(ValueError, match=said):
        package_schema.schema_text("", kind)

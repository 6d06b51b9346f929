from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from osiris_dagster.oml.rules import RULES
from osiris_dagster.specs.load import read_catalogue

ROOT = Path(__file__).parent.parent.parent
_OTHERS = yaml.safe_load((ROOT / "docs" / "codes.yaml").read_text("utf-8"))
LAYERS, CODES = _OTHERS["layers"], _OTHERS["codes"]
CODE = re.compile(rf"[\"']((?:{'|'.join(LAYERS)}|OML)\d{{3}})[\"']")


@pytest.fixture
def generate():
    found = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
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


def test_pages_are_written_once_and_checked(generate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "FOLDER", tmp_path / "reference")

    assert generate.main(["--check"]) == 1
    assert "diagnostics.md is not current" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert sorted(file.name for file in (tmp_path / "reference").iterdir()) == [
        "aiop.md",
        "components.md",
        "diagnostics.md",
        "oml.md",
        "public.md",
    ]

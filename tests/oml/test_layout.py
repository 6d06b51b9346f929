"""Layout and upgrade: pairs of texts, and the promises that hold for any document."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.layout import formatted, same_meaning
from osiris_dagster.oml.parse import parse
from osiris_dagster.oml.tree import comments
from osiris_dagster.oml.upgrade import upgrade
from osiris_dagster.oml.validate import validate
from tests.oml.test_cases import document_of
from tests.oml.test_properties import GOOD
from tests.sampling import examples

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DOCUMENTS = examples(800)


def pairs(name: str) -> list[object]:
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((HERE / name).read_text("utf-8"))]


def texts() -> list[str]:
    """Every short text of the cases, and the documents of the repository."""
    cases = [case for file in (HERE / "cases").glob("*.yaml") for case in yaml.safe_load(file.read_text("utf-8"))]
    found = [document_of(case)[0] for case in cases if "hex" not in case]
    folders = ("pipelines", "examples/**/pipelines")
    files = [file for folder in folders for file in ROOT.glob(f"{folder}/*.yaml")]
    files.append(ROOT / "osiris_dagster/new_project/cities.yaml")
    short = [text.removeprefix("\ufeff") for text in found if isinstance(text, str) and len(text) < 4_000]
    return [GOOD, *short, *(file.read_text("utf-8") for file in sorted(files))]


def disturbed(text: str, chance: random.Random) -> str:
    """Put comments, blank lines, odd indentation, anchors and line breaks anywhere; often it is no YAML afterwards."""
    lines = text.split("\n")
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(lines) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            lines.insert(at, " " * chance.randrange(9) + f"# note {chance.randint(0, 9)}")
        elif kind == 1:
            lines.insert(at, "")
        elif at < len(lines):
            old, new = (
                ("", ""),
                ("", ""),
                ("", ""),
                (": ", chance.choice([":\n        ", ":   ", ": &a ", ": !!str "])),
                (", ", chance.choice([",\n          ", ",", " , ", ", # inside\n      "])),
                ("{", chance.choice(["{ ", "{\n          "])),
            )[kind]
            lines[at] = lines[at].replace(old, new, 1) if old else lines[at] + chance.choice([" # t", "   # t", "#x"])
    return "\n".join(lines)


def sound(text: str):
    document = compose(text, "a.yaml")
    return document if document.whole and not document.faults and isinstance(document.value, dict) else None


@pytest.mark.parametrize("case", pairs("layouts.yaml"))
def test_layout_is_as_the_pair_says(case):
    assert formatted(compose(case["text"], "a.yaml")) == case["formatted"]


@pytest.mark.parametrize("case", pairs("layouts.yaml"))
def test_canonical_layout_stays(case):
    assert formatted(compose(case["formatted"], "a.yaml")) == case["formatted"]


@pytest.mark.parametrize("case", pairs("upgrades.yaml"))
def test_upgrade_is_as_the_pair_says_and_is_done_once(case):
    done = upgrade(compose(case["text"], "a.yaml"))

    assert done.text == case["upgraded"]
    assert len(done.changes) == case["changes"], done.changes
    assert upgrade(compose(done.text, "a.yaml")).changes == ()


def test_the_examples_are_in_canonical_layout():
    folders = ("pipelines", "examples/**/pipelines")
    files = [file for folder in folders for file in ROOT.glob(f"{folder}/*.yaml")]
    files.append(ROOT / "osiris_dagster/new_project/cities.yaml")

    assert len(files) >= 4
    assert [file.name for file in files if formatted(sound(file.read_text())) != file.read_text()] == []


@pytest.mark.matrix
def test_layout_keeps_meaning_and_comments_of_any_document_and_is_done_once():
    chance = random.Random(20250101)
    sources = texts()
    tried = 0
    while tried < DOCUMENTS:
        text = disturbed(chance.choice(sources), chance)
        document = sound(text)
        if document is None:
            continue
        tried += 1
        once = formatted(document)
        again = sound(once)
        assert again is not None, text
        assert same_meaning(text, once, "a.yaml"), text
        assert formatted(again) == once, text


def test_layout_keeps_the_model_of_every_valid_document(catalogue):
    models = 0
    for text in texts():
        pipeline = validate(text, "a.yaml", catalogue).pipeline
        if pipeline is not None:
            models += 1
            assert parse(compose(formatted(compose(text, "a.yaml")), "a.yaml")) == pipeline
    assert models > 50


@pytest.mark.matrix
def test_upgrade_loses_no_comment_of_any_document_and_is_done_once():
    chance = random.Random(20250102)
    sources = [case.values[0]["text"] for case in pairs("upgrades.yaml")]
    tried = 0
    while tried < DOCUMENTS // 5:
        text = disturbed(chance.choice(sources), chance)
        document = sound(text)
        if document is None:
            continue
        tried += 1
        done = upgrade(document)
        again = sound(done.text)
        assert again is not None, text
        assert all(comment in done.text for comment in comments(text)), text
        assert upgrade(again).changes == (), text


def test_line_breaks_stay_what_they_are():
    text = 'oml_version: "0.1.0"\r\nsteps: []\r\nname:  x\r\n'

    assert formatted(compose(text, "a.yaml")) == 'oml_version: "0.1.0"\r\nname: x\r\nsteps: []\r\n'
    assert upgrade(compose(text, "a.yaml")).text == 'oml_version: "0.2.0"\r\nsteps: []\r\nname:  x\r\n'

"""The card as a person reads it, and as a renderer does who is fed text from anywhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cases import CASES, built, card, raw_facts

from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.facts.normalize import normalize
from osiris_dagster.aiop.files.runcard import run_card
from osiris_dagster.aiop.sections.build import build
from osiris_dagster.redaction import Redactor
from osiris_dagster.steps.report import StepRecord


def card_of(facts) -> str:
    return run_card(build(normalize(scrub(facts, Redactor()))).package, "aiop/x/y")


def test_the_answer_comes_first():
    lines = card(built("failure")).splitlines()
    assert lines[0] == "# `flights-daily` failed at `delays` after 1.6 s"
    top = "\n".join(lines[:13])
    assert "**`DriverError`** (`DRV021`) at attempt 3:" in top
    assert "Could not convert string 'NA' to DOUBLE" in top
    assert "**Way out:** `use try_cast(dep_delay as double)" in top
    assert "**Root cause:** `ValueError: a word stands where a number belongs: NA`" in top
    assert "**In the pipeline:** `pipelines/flights-daily.yaml:19`" in top
    assert "**In the code:** `osiris_dagster/drivers/duckdb.py:141` in `transform`" in top


def test_a_root_cause_that_says_the_same_is_not_said_twice():
    facts = raw_facts("failure")
    steps = list(facts.record.steps)
    error = steps[2].error
    steps[2] = replace(steps[2], error=replace(error, cause=replace(error, type="Root", cause=None)))
    text = card_of(replace(facts, record=replace(facts.record, steps=tuple(steps))))
    assert "**Root cause:** raised as `Root`" in text
    assert text.count("Could not convert string") == 1


def test_what_stopped_because_of_the_failure_is_named():
    text = card(built("failure"))
    assert "`flights` stopped in its work; `to_parquet` stopped in its work; `to_table` did not start" in text


@pytest.mark.parametrize(
    ("case", "headline"),
    [
        ("success", "# `flights-daily` completed after 4.2 s"),
        ("cancellation", "# `flights-daily` was canceled after 1.5 s"),
        ("run-level-failure", "# `flights-daily` failed outside its steps after 1 min 1 s"),
        ("empty", "# `nothing-yet` completed after 0 ms"),
    ],
)
def test_the_headline_says_how_it_ended(case, headline):
    assert card(built(case)).splitlines()[0] == headline


def test_numbers_are_readable():
    text = card(built("success"))
    assert "| `flights` | completed | 0 | 27,004 | 1.9 s | 231.7 MB |" in text
    assert "| `to_table` | completed, 2 attempts |" in text
    assert "- **Rows:** 29,230 read, 186 written" in text


def test_what_was_written_names_its_evidence():
    text = card(built("success"))
    assert re.search(
        r"- file `out/delays.parquet`, 6.8 kB, sha256 `[0-9a-f]{16}…`, by `to_parquet` \(`ev\.artifact\.", text
    )
    assert re.search(
        r"- table `duckdb/ops/main/delays`, 93 rows, 93 in all afterwards, by `to_table` \(`ev\.output\.", text
    )


@pytest.mark.parametrize("case", CASES)
def test_every_evidence_id_on_the_card_is_in_the_package(case):
    package = built(case)
    ids = re.findall(r"`(ev\.[a-z]+\.[^`]+)`", card(package))
    assert ids
    assert all(f'"r:evidence/{name}"'.encode() in package.core for name in ids)


def without_code(text: str) -> str:
    """What a Markdown renderer takes as Markdown: everything outside fenced blocks and code spans."""
    text = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def test_hostile_text_stays_text():
    text = card(built("hostile"))
    outside = without_code(text)
    for token in ("<", "@", "http", "](", "![", "task", "Heading", "`", "evil", "\\u202e"):
        assert token not in outside, token
    assert "<script>" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", text)


def test_a_bar_in_a_name_does_not_break_the_table():
    rows = [line for line in card(built("hostile")).splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_a_card_stays_below_the_size_of_a_comment():
    facts = raw_facts("success")
    many = [replace(facts.manifest.steps[0], id=f"step {n} " + "x" * 300) for n in range(200)]
    manifest = replace(facts.manifest, steps=tuple(many), owners=("o" * 4000,), intent="i" * 4000)
    records = [
        StepRecord(step.id, "failed" if n == 150 else "completed", 1, 2, notes=("n" * 4000, "m" * 4000))
        for n, step in enumerate(many)
    ]
    record = replace(
        facts.record,
        manifest_hash=manifest.hash,
        steps=tuple(records),
        status="failed",
        events=(),
        start_ms=1,
        end_ms=9,
    )
    text = card_of(replace(facts, manifest=manifest, record=record))
    assert len(text) < 65_536
    assert re.search(r"1\d\d more steps not shown", text)
    assert "step 150" in text
    assert "left out to stay within the size" in text


def test_a_passing_error_says_that_trying_again_can_help():
    facts = raw_facts("failure")
    steps = list(facts.record.steps)
    steps[2] = replace(steps[2], error=replace(steps[2].error, retryable="transient", frames=()))
    text = card_of(replace(facts, record=replace(facts.record, steps=tuple(steps))))
    assert "**Trying again** can help" in text
    assert "**In the code:**" not in text

"""No secret in any file of a package: planted everywhere, in many forms, looked for in every byte that is written."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest
from cases import export_in_child, raw_facts

from osiris_dagster.aiop.child import Job
from osiris_dagster.aiop.disk.export import export, seal, staging_folder, write_package
from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.map_texts import CLOSED, map_texts, scrub
from osiris_dagster.canonical import sha256
from osiris_dagster.drivers.base import Artifact as ArtifactRecord
from osiris_dagster.errors import ErrorInfo, Frame
from osiris_dagster.redaction import MASK, Redactor, secret_shapes
from osiris_dagster.runs.record import EventRecord

SECRET = "hunter2/ě+pass word"
FORMS = {
    "plain": SECRET,
    "url": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "urlsafe base64": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "hex": SECRET.encode().hex(),
}
SHAPES = {
    "user part of a URL": "postgres://me:s3cr3t@db/x",
    "access token": "ghp_" + "a1B2" * 9,
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
    "password": "host=db password=s3cr3t dbname=x",
}


def planted(facts: Facts, text: str) -> Facts:
    """The facts of a failed run with `text` in every place that text can come from."""
    record, manifest = facts.record, facts.manifest
    error = ErrorInfo(f"E{text}", f"m {text}", f"c{text}", f"f {text}", frames=(Frame(f"{text}.py", 1, f"g{text}"),))
    error = replace(error, cause=replace(error, cause=error))
    steps = [
        replace(
            step,
            notes=(f"note {text}",),
            error=error,
            artifacts=(ArtifactRecord(f"out/{text}.csv", 1, "0" * 64, f"text/{text}"),),
            writes=(("duckdb", "ops", text),),
        )
        for step in record.steps
    ]
    manifest = replace(
        manifest,
        description=f"d {text}",
        intent=f"i {text}",
        owners=(text,),
        tags={f"k{text}": text},
        params={f"p{text}": text},
        fingerprints={f"f{text}": text},
        steps=tuple(
            replace(step, config={**step.config, "query": f"select '{text}'", f"key {text}": text}, description=text)
            for step in manifest.steps
        ),
    )
    record = replace(
        record,
        manifest_hash=manifest.hash,
        steps=tuple(steps),
        error=error,
        events=(*record.events, EventRecord(record.start_ms, "log", "delays", f"said {text}")),
        partition=text,
        origin=text,
        siblings=(text,),
        versions={text: text},
    )
    connections = tuple(replace(c, description=text, purpose=text, sla=text) for c in facts.connections)
    return replace(facts, record=record, manifest=manifest, oml=facts.oml + f"# {text}", connections=connections)


def written(root) -> str:
    return "\n".join(
        str(path.relative_to(root)) + (path.read_text(encoding="utf-8") if path.is_file() else "")
        for path in root.rglob("*")
    )


def knowing(secret: str) -> Redactor:
    redactor = Redactor()
    redactor.register(secret)
    return redactor


@pytest.mark.parametrize("form", FORMS)
def test_a_registered_secret_is_in_no_file_in_any_form(form, tmp_path):
    facts = scrub(planted(raw_facts("failure"), FORMS[form]), knowing(SECRET))
    assert export(facts, tmp_path).valid
    text = written(tmp_path)
    assert MASK in text
    for other in FORMS.values():
        assert other not in text
        assert json.dumps(other)[1:-1] not in text


def test_without_the_scrubber_the_same_test_would_fail(tmp_path):
    export(planted(raw_facts("failure"), SECRET), tmp_path)
    assert json.dumps(SECRET, ensure_ascii=False)[1:-1] in written(tmp_path)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_looks_like_a_secret_is_masked_though_nobody_registered_it(shape, tmp_path):
    facts = scrub(planted(raw_facts("failure"), SHAPES[shape]), Redactor())
    assert export(facts, tmp_path).valid
    text = written(tmp_path)
    assert not any(part in text for part in ("s3cr3t", "MIIabc", "a1B2a1B2"))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_package_that_still_looks_like_a_secret_does_not_leave(shape, tmp_path):
    with staging_folder(tmp_path) as made:
        folder = write_package(tmp_path, seal(planted(raw_facts("failure"), SHAPES[shape]), made), made)
    assert sorted(path.name for path in folder.iterdir()) == ["digests.json", "run-card.md", "verdict.json"]
    card = (folder / "run-card.md").read_text(encoding="utf-8")
    assert card.startswith("# A package was withheld: the run failed after 1.6 s")
    assert f"- looks like a secret: {shape}, in " in card
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["valid"] is False
    assert verdict["gates"][0]["gate"] == "tripwire"
    assert f"looks like a secret: {shape}" in verdict["gates"][0]["findings"][0]["message"]
    assert not (tmp_path / "latest").exists()
    assert not any(part in written(folder) for part in ("s3cr3t", "MIIabc", "a1B2a1B2"))


def test_masks_are_counted_in_the_package(tmp_path):
    text = seal(scrub(planted(raw_facts("failure"), SECRET), knowing(SECRET)), tmp_path).files["core.jsonld"]
    counts = {item["kind"]: item["count"] for item in json.loads(text)["metadata"]["redactions"]}
    assert counts["secret"] > 20
    assert counts["user part of a URL"] == 1


def test_ordinary_words_stay_readable(tmp_path):
    words = "primary_key sort_key author token_count monkey password_hash passwords https://example.com/a@b"
    export(scrub(planted(raw_facts("failure"), words), knowing(SECRET)), tmp_path)
    assert words in written(tmp_path)
    assert secret_shapes(words) == ()


def test_a_short_secret_does_not_destroy_ids_and_digests():
    facts = raw_facts("failure")
    redactor = knowing(facts.record.run_id[:4])
    redactor.register(facts.record.manifest_hash[:4])
    redactor.register("failed")
    clean = scrub(facts, redactor)
    assert clean.record.run_id == facts.record.run_id
    assert clean.record.manifest_hash == facts.record.manifest_hash
    assert clean.record.status == "failed"


def test_every_closed_field_exists():
    for kind, name in CLOSED:
        assert name in kind.__dataclass_fields__


def test_every_other_string_is_shown_to_the_redactor():
    seen: set[str] = set()
    map_texts(raw_facts("failure"), lambda text: (seen.add(text), text)[1])
    facts = raw_facts("failure")
    for text in (
        "delays",
        "domain",
        "aviation",
        facts.oml,
        "duckdb.processor",
        "dep_delay",
        "rebuilt every night by 04:00 UTC",
    ):
        assert text in seen


def test_the_digest_of_the_oml_text_is_that_of_the_text_before_masking():
    facts = replace(raw_facts("success"), oml="name: x # postgres://me:pw@db/x\r\n")
    clean = scrub(facts, Redactor())
    assert clean.oml == "name: x # postgres://***@db/x\n"
    assert clean.oml_sha256 == sha256(facts.oml)
    assert scrub(clean, Redactor()) == clean


def test_the_child_is_told_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("OSIRIS_CONN__DUCKDB__OPS__TOKEN", SECRET)
    facts = planted(raw_facts("failure"), SECRET)
    result = export_in_child(Job(facts, tmp_path, knowing(SECRET)), 60)
    assert result.valid
    assert SECRET not in written(tmp_path)

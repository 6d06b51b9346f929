from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from cases import raw_facts

from osiris_dagster.aiop.disk.export import export, seal, staging_folder, write_package
from osiris_dagster.aiop.disk.index import read_index
from osiris_dagster.aiop.facts.facts import Facts
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.gates.finding import Finding
from osiris_dagster.aiop.gates.judge import judge
from osiris_dagster.canonical import sha256
from osiris_dagster.redaction import Redactor

FILES = [
    "annex",
    "brief.md",
    "bundle.txt",
    "core.jsonld",
    "digests.json",
    "metrics.json",
    "openlineage.ndjson",
    "pipeline.yaml",
    "ro-crate-metadata.json",
    "run-card.md",
    "run.log.jsonl",
    "verdict.json",
]


def clean(case: str, **run) -> Facts:
    facts = raw_facts(case)
    return scrub(replace(facts, record=replace(facts.record, **run)), Redactor())


def invalid(sealed):
    """The same package as one that a gate has refused."""
    verdict = replace(sealed.verdict, findings={**sealed.verdict.findings, "shapes": (Finding("made up"),)})
    return replace(sealed, verdict=verdict, entry=replace(sealed.entry, valid=False))


def written(root, case: str = "success", change=lambda sealed: sealed):
    """Seal a package, change what came out, and write it."""
    with staging_folder(root) as folder:
        return write_package(root, change(seal(clean(case), folder)), folder)


def everything(root):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in root.rglob("*")}


def test_a_package_lies_where_its_pipeline_and_run_say(tmp_path):
    result = export(clean("success"), tmp_path)
    assert result.valid
    assert result.folder == f"flights-daily/{result.fingerprint}"
    folder = tmp_path / result.folder
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (tmp_path / "latest").read_text() == f"{result.folder}\n"
    assert (tmp_path / "flights-daily" / "latest").read_text() == f"{result.fingerprint}\n"
    assert oct(folder.stat().st_mode)[-3:] == "755"


def test_the_digests_are_those_of_the_files(tmp_path):
    folder = tmp_path / export(clean("success"), tmp_path).folder
    digests = json.loads((folder / "digests.json").read_text())
    for name, known in digests["files"].items():
        data = (folder / name).read_bytes()
        assert known == {"bytes": len(data), "sha256": sha256(data)}
    core = (folder / "core.jsonld").read_bytes()
    assert digests["graph_sha256"] == judge(core).graph_sha256
    assert json.loads((folder / "verdict.json").read_text())["core_sha256"] == sha256(core)


def test_exporting_again_changes_nothing(tmp_path):
    one = export(clean("success"), tmp_path)
    before = everything(tmp_path)
    assert export(clean("success"), tmp_path) == one
    assert everything(tmp_path) == before
    assert len(read_index(tmp_path)) == 1


def test_a_run_that_ended_earlier_does_not_become_the_latest(tmp_path):
    late = export(clean("success"), tmp_path)
    early = export(clean("failure"), tmp_path)
    other = export(clean("empty"), tmp_path)
    assert early.folder != late.folder
    assert (tmp_path / "latest").read_text() == f"{late.folder}\n"
    assert (tmp_path / "nothing-yet" / "latest").read_text() == f"{other.fingerprint}\n"
    assert [entry.status for entry in read_index(tmp_path)] == ["completed", "failed", "completed"]


def test_a_refused_package_is_written_and_listed_as_invalid_and_no_pointer_leads_to_it(tmp_path):
    folder = written(tmp_path, change=invalid)
    assert (folder / "core.jsonld").exists()
    assert [entry.valid for entry in read_index(tmp_path)] == [False]
    assert not (tmp_path / "latest").exists()
    assert not (tmp_path / "flights-daily" / "latest").exists()


def test_a_refused_package_leaves_the_pointer_on_the_last_valid_one(tmp_path):
    valid = export(clean("failure"), tmp_path)
    written(tmp_path, change=invalid)
    assert (tmp_path / "latest").read_text() == f"{valid.folder}\n"


def test_a_package_that_turns_invalid_loses_the_pointer(tmp_path):
    export(clean("success"), tmp_path)
    written(tmp_path, change=invalid)
    assert [entry.valid for entry in read_index(tmp_path)] == [False]
    assert not (tmp_path / "latest").exists()


def test_a_package_with_other_content_replaces_the_whole_folder(tmp_path):
    first = export(clean("success"), tmp_path)
    folder = tmp_path / first.folder
    (folder / "stray.txt").write_text("x")
    (folder / "core.jsonld").write_text("damaged")
    export(clean("success"), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert judge((folder / "core.jsonld").read_bytes()).valid
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_torn_line_of_the_index_costs_nobody_else(tmp_path):
    export(clean("success"), tmp_path)
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"folder": "half a li\n[]\n{"folder": "old shape"}\n')
    export(clean("failure"), tmp_path)
    assert [entry.status for entry in read_index(tmp_path)] == ["completed", "failed"]
    assert len((tmp_path / "index.jsonl").read_text().splitlines()) == 2


def test_a_folder_that_cannot_be_written_leaves_the_earlier_package_in_place(tmp_path, monkeypatch):
    first = export(clean("success"), tmp_path)
    folder = tmp_path / first.folder
    before = (folder / "core.jsonld").read_bytes()
    (folder / "run-card.md").write_text("older")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export(clean("success"), tmp_path)
    assert (folder / "core.jsonld").read_bytes() == before
    assert (folder / "run-card.md").read_text() == "older"
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_rename_that_fails_half_way_brings_the_earlier_package_back(tmp_path, monkeypatch):
    first = export(clean("success"), tmp_path)
    folder = tmp_path / first.folder
    (folder / "run-card.md").write_text("older")
    rename = type(folder).rename

    def once(self, target):
        if self.name.endswith(".new"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", once)
    with pytest.raises(OSError, match="Input/output error"):
        export(clean("success"), tmp_path)
    assert (folder / "run-card.md").read_text() == "older"


def test_a_pipeline_called_latest_gets_its_own_folder(tmp_path):
    facts = raw_facts("empty")
    manifest = replace(facts.manifest, pipeline="latest")
    record = replace(facts.record, pipeline="latest", manifest_hash=manifest.hash)
    result = export(scrub(replace(facts, manifest=manifest, record=record), Redactor()), tmp_path)
    assert (tmp_path / result.folder / "core.jsonld").exists()
    assert (tmp_path / "latest").is_file()

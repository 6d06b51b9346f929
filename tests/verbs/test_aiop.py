"""Packages as a person asks for them: every form, every option, damage found, old ones pruned."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

from osiris_dagster.aiop.facts.configure import load_options
from osiris_dagster.errors import ConfigError
from osiris_dagster.verbs.aiop import bundle, export, list_packages, prune, show, verify
from osiris_dagster.verbs.asked import Asked
from tests.conftest import SHOP
from tests.runs.test_read import run


@pytest.fixture
def asked(project, write, instance):
    """A project in which a pipeline ran twice."""
    write("p", SHOP)
    for _ in range(2):
        run(instance, "shop_daily_job")
    asked = Asked(project)
    export(asked, run=instance.get_runs()[1].run_id)
    export(asked)
    return asked


def test_a_package_is_shown_in_every_form_and_changed_by_options_without_a_trace(asked, tmp_path):
    core = show(asked).data["documents"][0]
    assert core["delta"]["strategy"] == "same_manifest"
    assert {item["judgement"] for item in core["delta"]["comparisons"]} == {"few_samples"}
    assert show(asked, format="brief").text.startswith("# `shop-daily completed")
    assert show(asked, format="md").text.startswith("# `shop-daily` completed")
    assert json.loads(show(asked, format="openlineage").text.splitlines()[0])["eventType"] == "START"
    assert show(asked, format="ro-crate").data["documents"][0]["@graph"]
    assert show(asked, format="bundle").text.startswith("OSIRIS RUN BUNDLE")
    bare = show(asked, policy="core", schema_mode="summary", timeline_density="low", metrics_topk=1)
    document = bare.data["documents"][0]
    assert "shards" not in document["metadata"]
    assert not any("columns" in step for step in document["semantic"]["steps"])
    set_by = {item["name"]: item["set_by"] for item in document["metadata"]["settings"]}
    assert set_by["policy"] == "cli"
    assert set_by["compress"] == "default"
    lost = {item["section"] for item in document["metadata"]["truncations"]}
    assert {"events", "columns", "steps with metrics"} <= lost
    assert verify(asked).exit_code == 0
    target = tmp_path / "bundle.txt.gz"
    bundle(asked, output=str(target), compress="gzip")
    assert gzip.decompress(target.read_bytes()).startswith(b"OSIRIS RUN BUNDLE")


def test_every_kind_of_damage_is_found(asked, tmp_path):
    (folder,) = verify(asked).data["packages"]
    original = asked.project.root / folder
    damages = {
        "core.jsonld": lambda path: path.write_bytes(path.read_bytes().replace(b"shop-daily", b"shop-dairy", 1)),
        "brief.md": lambda path: path.unlink(),
        "annex/metrics.ndjson": lambda path: path.write_bytes(path.read_bytes()[:-20]),
        "digests.json": lambda path: path.write_text("{"),
        "stray.txt": lambda path: path.write_text("x"),
    }
    for name, damage in damages.items():
        copy = tmp_path / "copy"
        shutil.copytree(original, copy)
        damage(copy / name)
        outcome = verify(asked, folder=str(copy))
        assert outcome.exit_code == 1, name
        assert name in outcome.text
        shutil.rmtree(copy)


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_a_package_with_its_annex_elsewhere_and_compressed_is_whole(asked, tmp_path, compress):
    outcome = export(asked, output=str(tmp_path / "out"), annex_dir="annexes", compress=compress)
    assert outcome.exit_code == 0
    folder = tmp_path / "out" / (tmp_path / "out" / "latest").read_text().strip()
    assert not (folder / "annex").exists()
    assert verify(asked, folder=str(folder)).exit_code == 0
    (shard,) = asked.project.root.glob("annexes/*/*/annex/timeline.ndjson.*")
    shard.write_bytes(shard.read_bytes()[:-9])
    assert verify(asked, folder=str(folder)).exit_code == 1


def test_prune_keeps_what_it_is_told_and_the_newest_valid_one(asked):
    before = list_packages(asked).data["packages"]
    assert len(before) == 2
    assert prune(asked, keep_runs=1, dry_run=True).data["removed"] == [before[1]["folder"]]
    assert len(list_packages(asked).data["packages"]) == 2
    prune(asked, keep_runs=1)
    assert list_packages(asked).data["packages"] == before[:1]
    assert not (asked.project.aiop / before[1]["folder"]).exists()
    assert prune(asked, keep_runs=1).data["removed"] == []
    with pytest.raises(ConfigError, match="nothing says"):
        prune(asked)


def test_command_line_wins_over_variables_over_the_file_over_defaults(project):
    (project.root / "osiris.yaml").write_text(
        "aiop: {policy: core, compress: gzip, metrics_topk: 7, shards: [logs, errors]}\n"
    )
    env = {"OSIRIS_AIOP_POLICY": "full", "OSIRIS_AIOP_COMPRESS": "none", "OSIRIS_AIOP_ENABLED": "no"}
    options = load_options(project, {"policy": "custom", "annex_dir": None}, env)
    assert (options.policy, options.compress, options.metrics_topk) == ("custom", "none", 7)
    assert (options.enabled, options.schema_mode, options.annex) == (False, "detailed", ("logs", "errors"))
    assert options.sources == {
        "policy": "cli",
        "compress": "env",
        "enabled": "env",
        "metrics_topk": "file",
        "shards": "file",
    }


@pytest.mark.parametrize(
    ("text", "env", "code", "found"),
    [
        ("aiop: [1]", {}, "AIO031", "[1]"),
        ("aiop: {polcy: core}", {}, "AIO031", "polcy"),
        ("aiop: {policy: all}", {}, "AIO031", "all"),
        ("aiop: {max_core_bytes: true}", {}, "AIO031", "True"),
        ("aiop: {shards: [rows]}", {}, "AIO031", "['rows']"),
        ("aiop: {annex_dir: ../out}", {}, "CFG010", "../out"),
        ("a: [", {}, "AIO030", ""),
        ("", {"OSIRIS_AIOP_METRICS_TOPK": "-1"}, "AIO031", "-1"),
        ("", {"OSIRIS_AIOP_ENABLED": "perhaps"}, "AIO031", "perhaps"),
    ],
)
def test_a_wrong_option_names_its_place(project, text, env, code, found):
    (project.root / "osiris.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_options(project, {}, env)
    assert caught.value.first.code == code
    assert found in caught.value.first.found

"""Every verb with every kind of outcome: one JSON object, one exit code, and the same in words."""

from __future__ import annotations

import pytest

from osiris_dagster.verbs.table import VERBS
from tests.command import make_project

INVALID = 'oml_version: "0.2.0"\nname: p\nsteps:\n  - {id: a, component: duckdb.prozessor, mode: transform}\n'
NOT_BOUND = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: a, component: duckdb.processor, mode: transform, config: {query: select nope}}
"""
SECRET = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: a, component: duckdb.extractor, mode: read, config: {connection: "@duckdb.secret", table: t}}
"""
INLINE = """\
oml_version: "0.2.0"
name: p
metadata: {password: hunter2-hunter2}
steps:
  - {id: a, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
"""
LEAVING = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: a, component: duckdb.extractor, mode: read, config: {path: ../../etc/ops.duckdb, table: t}}
"""
NO_INPUT = """\
oml_version: "0.2.0"
name: p
steps:
  - {id: a, component: duckdb.extractor, mode: read, config: {path: data/absent.duckdb, table: t}}
  - {id: out, component: duckdb.writer, mode: write, config: {connection: "@duckdb.warehouse", table: t}}
"""
# verb and arguments, exit code, codes of the diagnostics
ASKED = [
    ("validate pipelines/shop.yaml", 0, []),
    ("validate pipelines/shop.yaml pipelines/invalid.yaml", 2, ["OML036"]),
    ("validate pipelines/inline.yaml", 2, ["OML080"]),
    ("validate pipelines/leaving.yaml", 2, ["OML058"]),
    ("validate pipelines/absent.yaml", 5, ["CFG020"]),
    ("validate pipelines", 2, ["OML080", "OML036", "OML058", "CMP060", "CMP060", "OML120", "CMP060"]),
    ("validate data", 5, ["CFG072"]),
    ("validate pipelines/shop.yaml pipelines/absent.yaml", 5, ["CFG020"]),
    ("validate", 2, ["CLI001"]),
    ("validate --frobnicate pipelines/shop.yaml", 2, ["CLI001"]),
    ("validate --mode loud pipelines/shop.yaml", 2, ["CLI001"]),
    ("validate --connections absent.yaml pipelines/shop.yaml", 5, ["CFG020"]),
    ("validate --project absent pipelines/shop.yaml", 5, ["CFG011"]),
    ("validate --fix pipelines/inline.yaml", 2, ["OML080"]),
    ("fmt pipelines/shop.yaml", 0, []),
    ("fmt --check pipelines/inline.yaml", 0, []),
    ("fmt pipelines/absent.yaml", 5, ["CFG020"]),
    ("upgrade pipelines/shop.yaml", 0, []),
    ("upgrade --write pipelines/inline.yaml", 0, []),
    ("components lint", 0, []),
    ("components lint duckdb.writer", 0, []),
    ("components lint absent", 2, ["CLI012"]),
    ("compile pipelines/shop.yaml", 0, []),
    ("compile pipelines/invalid.yaml", 2, ["OML036"]),
    ("compile pipelines/not-bound.yaml", 3, ["CMP010"]),
    ("compile pipelines", 2, ["OML080", "OML036", "OML058", "CMP060", "CMP010", "CMP060"]),
    ("compile data", 5, ["CFG072"]),
    ("compile pipelines/shop.yaml --param least=many", 3, ["CMP022"]),
    ("compile pipelines/shop.yaml --param least", 2, ["CLI002"]),
    ("compile pipelines/shop.yaml --param =1", 2, ["CLI002"]),
    ("compile pipelines/shop.yaml --profile poor", 3, ["CMP021"]),
    ("compile pipelines/secret.yaml --online", 5, ["CFG025"]),
    ("compile pipelines/no-input.yaml --online", 4, ["DRV020"]),
    ("compile pipelines/shop.yaml --out pipelines/shop.yaml", 5, ["CFG031"]),
    ("run pipelines/invalid.yaml", 2, ["OML036"]),
    ("run pipelines/inline.yaml", 2, ["OML080"]),
    ("run pipelines/leaving.yaml", 2, ["OML058"]),
    ("run pipelines/not-bound.yaml", 3, ["CMP010"]),
    ("run pipelines/secret.yaml", 5, ["CFG025"]),
    ("run pipelines/shop.yaml pipelines/failing.yaml", 2, ["CLI001"]),
    ("components list", 0, []),
    ("components spec duckdb.writer", 0, []),
    ("components spec duckdb.write", 2, ["OML036"]),
    ("connections list", 0, []),
    ("connections list --secrets-file absent", 5, ["CFG020"]),
    ("connections doctor @duckdb.ops", 0, []),
    ("connections doctor", 5, ["CFG060"]),
    ("connections doctor @duckdb.absent", 5, ["CFG024"]),
    ("discover @duckdb.ops", 0, []),
    ("discover @duckdb.secret", 5, ["CFG025"]),
    ("discover", 2, ["CLI020"]),
    ("reload --url http://127.0.0.1:9", 5, ["CFG073"]),
    ("reload --url file:///etc/passwd", 5, ["CFG073"]),
    ("watch --url ftp://x", 5, ["CFG073"]),
    ("runs list", 0, []),
    ("runs list --limit few", 2, ["CLI001"]),
    ("runs view", 2, ["RUN030"]),
    ("runs view 1234", 2, ["RUN030"]),
    ("logs show 1234", 2, ["RUN030"]),
    ("logs aiop", 2, ["RUN030"]),
    ("logs aiop --last", 2, ["RUN030"]),
    ("logs aiop --session 1234 --format md", 2, ["RUN030"]),
    ("logs aiop show 1234", 2, ["RUN030"]),
    ("logs aiop show --max-core-bytes 7", 5, ["AIO031"]),
    ("logs aiop --policy everything", 2, ["CLI001"]),
    ("logs aiop list", 0, []),
    ("logs aiop export --last", 2, ["RUN030"]),
    ("logs aiop verify", 2, ["RUN030"]),
    ("logs aiop prune", 5, ["AIO032"]),
    ("logs bundle --last", 2, ["RUN030"]),
    ("init", 5, ["CFG040"]),
    ("init pipelines/shop.yaml", 5, ["CFG050"]),
    ("frobnicate", 2, ["CLI001"]),
]


REPORTED = {
    "validate pipelines/shop.yaml pipelines/invalid.yaml",
    "validate pipelines/inline.yaml",
    "validate --fix pipelines/inline.yaml",
    "validate pipelines/leaving.yaml",
    "validate pipelines/shop.yaml pipelines/absent.yaml",
    "validate pipelines",
    "compile pipelines",
    "connections doctor",
}
FILES = {
    "invalid": INVALID,
    "not-bound": NOT_BOUND,
    "secret": SECRET,
    "inline": INLINE,
    "leaving": LEAVING,
    "no-input": NO_INPUT,
}


def with_faults(root):
    for name, text in FILES.items():
        (root / "pipelines" / f"{name}.yaml").write_text(text)
    return root


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a project in which nothing ran, the working directory of all tests that leave it as it is."""
    return with_faults(make_project(tmp_path_factory.mktemp("outcomes") / "shop"))


@pytest.mark.parametrize(("asked", "code", "codes"), ASKED, ids=[line for line, *_ in ASKED])
def test_an_outcome_is_one_json_object_and_its_exit_code(osiris, shared, monkeypatch, asked, code, codes):
    monkeypatch.chdir(shared)
    result = osiris(*asked.split(), "--json")
    assert result.code == code
    assert result.data["exit_code"] == code
    assert result.data["ok"] is (code == 0)
    assert result.codes == codes
    assert result.err == ""
    assert all({"code", "severity", "message", "doc"} <= found.keys() for found in result.data["diagnostics"])


@pytest.mark.parametrize(("asked", "code", "codes"), ASKED, ids=[line for line, *_ in ASKED])
def test_an_outcome_is_told_in_words_with_the_same_exit_code(osiris, shared, monkeypatch, asked, code, codes):
    monkeypatch.chdir(shared)
    result = osiris(*asked.split())
    assert result.code == code
    assert all(found in result.out + result.err for found in codes)
    assert "hunter2" not in result.out + result.err
    # What was asked for goes to standard output, also when it is that a file or connection is not fine; all else not.
    assert bool(result.out) is (code == 0 or asked in REPORTED)


@pytest.mark.parametrize(
    "asked", ["run pipelines/invalid.yaml", "run pipelines/inline.yaml", "run pipelines/leaving.yaml"]
)
def test_a_document_that_is_not_valid_leaves_nothing(osiris, shop, asked):
    project = with_faults(shop)
    before = sorted(project.rglob("*"))
    osiris(*asked.split())
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    "asked", ["run pipelines/secret.yaml", "run pipelines/not-bound.yaml", "compile pipelines/not-bound.yaml"]
)
def test_what_cannot_begin_leaves_nothing_but_the_compilation_that_is_kept(osiris, shop, asked):
    project = with_faults(shop)
    before = sorted(project.rglob("*"))
    osiris(*asked.split())
    left = [path for path in sorted(project.rglob("*")) if path not in before]
    kept = project / ".osiris" / "compiled"
    assert [path for path in left if path not in (kept, kept.parent) and kept not in path.parents] == []


def test_every_verb_has_an_outcome_that_is_tested():
    asked = {line for line, *_ in ASKED}
    assert [verb.name for verb in VERBS if not any(line.startswith(verb.name) for line in asked)] == []

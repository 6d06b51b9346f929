"""A folder of OML files: each is loaded or broken for reasons of its own, and never takes another one down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from osiris_dagster.compiler.store import load, load_latest
from osiris_dagster.connections.project import connections_of
from osiris_dagster.errors import ConfigError, OmlError
from osiris_dagster.loading import Folder, compile_file, load_folder
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings

GOOD = """\
oml_version: "0.2.0"
name: {name}
steps:
  - {{id: rows, component: duckdb.processor, mode: transform, config: {{query: {query}}}}}
"""


@pytest.fixture
def root(tmp_path):
    """Return a project without files."""
    (tmp_path / "pipelines").mkdir()
    return Project(tmp_path)


def write(root: Project, file: str, name: str, query: str = "select 1 as n") -> None:
    path = root.pipelines / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(GOOD.format(name=name, query=query), encoding="utf-8")


def loaded(root: Project, **given: object) -> Folder:
    return load_folder(root, Settings(env={}, **given))


def files(folder: Folder) -> list[str]:
    return [item.file for item in folder.loaded]


def codes(folder: Folder) -> dict[str, list[str]]:
    return {item.file: [d.code for d in item.diagnostics if d.severity == "error"] for item in folder.broken}


def test_a_project_without_files_or_without_a_folder_is_empty(root, tmp_path):
    assert loaded(root) == Folder((), ())
    assert loaded(Project(tmp_path / "absent")) == Folder((), ())


def test_every_oml_file_at_any_depth_is_loaded_and_stored(root):
    for file, name in (("b.yaml", "b"), ("a.yml", "a"), ("deep/c.yaml", "c")):
        write(root, file, name)
    (root.pipelines / "notes.txt").write_text("no OML")
    (root.pipelines / "a.schema.json").write_text('{"version": 1, "steps": {}}')
    (root.pipelines / "folder.yaml").mkdir()
    folder = loaded(root)
    assert files(folder) == ["pipelines/a.yml", "pipelines/b.yaml", "pipelines/deep/c.yaml"]
    assert folder.broken == ()
    for item in folder.loaded:
        assert load_latest(root.build, item.manifest.pipeline) == item.manifest
        assert item.text == (root.root / item.file).read_text("utf-8")


def test_a_broken_file_says_why_and_leaves_the_others(root):
    write(root, "good.yaml", "good")
    write(root, "binds-not.yaml", "binds-not", "select nope")
    write(root, "locked.yaml", "locked")
    (root.pipelines / "locked.schema.json").write_bytes(b"\xff")
    broken = {
        "cycle.yaml": GOOD.format(name="cycle", query="select 1 as n") + "    needs: [rows]\n",
        "empty.yaml": "",
        "not-yaml.yaml": "name: [",
        "binary.yaml": "\x00\x01",
        "unknown.yaml": GOOD.format(name="unknown", query="select 1 as n").replace(
            "duckdb.processor", "duckdb.prozessor"
        ),
        "secret.yaml": GOOD.format(name="secret", query="select 1 as n").replace(
            "steps:", "metadata: {password: hunter2-hunter2}\nsteps:"
        ),
    }
    for file, text in broken.items():
        (root.pipelines / file).write_text(text, encoding="utf-8")
    folder = loaded(root)
    found = codes(folder)
    assert files(folder) == ["pipelines/good.yaml"]
    assert found["pipelines/binds-not.yaml"] == ["CMP010"]
    assert found["pipelines/locked.yaml"] == ["CMP040"]
    assert found["pipelines/unknown.yaml"] == ["OML036"]
    assert found.keys() == {f"pipelines/{file}" for file in (*broken, "binds-not.yaml", "locked.yaml")}
    assert all(found.values())
    assert "hunter2" not in repr(folder.broken)


def test_a_broken_file_is_not_stored(root):
    write(root, "a.yaml", "a", "select nope")
    loaded(root)
    assert not root.build.exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "a"), ("Orders", "orders"), ("a-b", "a_b"), ("a.b", "a-b"), ("A.B", "a_b")],
)
def test_two_files_whose_names_meet_in_dagster_are_both_broken(root, one, other):
    write(root, "one.yaml", one)
    write(root, "other.yaml", other)
    write(root, "third.yaml", "third")
    folder = loaded(root)
    assert files(folder) == ["pipelines/third.yaml"]
    assert codes(folder) == {"pipelines/one.yaml": ["CMP060"], "pipelines/other.yaml": ["CMP060"]}
    diagnostic = folder.broken[0].diagnostics[0]
    assert diagnostic.found == "pipelines/one.yaml, pipelines/other.yaml"
    assert diagnostic.place is not None
    assert diagnostic.place.file == "pipelines/one.yaml"


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "a_b"), ("ä", "ö"), ("a", "a_job"), ("x/y".replace("/", "-"), "x y")]
)
def test_names_that_do_not_meet_are_loaded_side_by_side(root, one, other):
    write(root, "one.yaml", one)
    write(root, "other.yaml", other)
    assert files(loaded(root)) == ["pipelines/one.yaml", "pipelines/other.yaml"]


def test_a_broken_twin_does_not_stand_in_the_way(root):
    write(root, "good.yaml", "same")
    write(root, "broken.yaml", "same", "select nope")
    assert files(loaded(root)) == ["pipelines/good.yaml"]


def test_a_file_that_cannot_be_read_is_broken(root):
    write(root, "good.yaml", "good")
    os.mkfifo(root.pipelines / "pipe.yaml")  # is no file, and would block whoever opens it
    (root.pipelines / "nowhere.yaml").symlink_to("gone")
    (root.pipelines / os.fsdecode(b"odd\xff.yaml")).write_text(GOOD.format(name="odd", query="select nope"))
    folder = loaded(root)
    assert files(folder) == ["pipelines/good.yaml"]
    assert codes(folder) == {"pipelines/odd\\xff.yaml": ["CMP010"], "pipelines/nowhere.yaml": ["CFG020"]}


def test_a_damaged_connections_file_breaks_every_file_and_says_so(root):
    write(root, "a.yaml", "a")
    (root.root / "osiris_connections.yaml").write_text("connections: [")
    assert codes(loaded(root)) == {"pipelines/a.yaml": ["CFG021"]}


def test_a_build_folder_that_cannot_be_written_breaks_every_file_and_says_so(root):
    write(root, "a.yaml", "a")
    write(root, "b.yaml", "b")
    root.build.touch()
    assert codes(loaded(root)) == {"pipelines/a.yaml": ["CFG031"], "pipelines/b.yaml": ["CFG031"]}


def test_settings_reach_every_file(root):
    write(root, "a.yaml", "Not Hyphens")
    assert files(loaded(root)) == ["pipelines/a.yaml"]
    assert [d.code for d in loaded(root).loaded[0].diagnostics] == ["OML028"]
    assert loaded(root, mode="off").loaded[0].diagnostics == ()
    assert codes(loaded(root, mode="strict")) == {"pipelines/a.yaml": ["OML028"]}
    assert codes(loaded(root, profile="prod")) == {"pipelines/a.yaml": ["CMP021"]}


def test_a_file_is_compiled_with_the_lock_beside_it_or_the_one_that_is_given(root):
    (root.pipelines / "a.yaml").write_text(
        'oml_version: "0.2.0"\nname: a\nsteps:\n'
        "  - {id: rows, component: duckdb.extractor, mode: read, config: {path: a.duckdb, table: t}}\n"
    )
    (root.pipelines / "a.schema.json").write_text("damaged")
    settings = Settings(env={})
    folder = loaded(root)
    assert codes(folder) == {"pipelines/a.yaml": ["CMP040"]}
    from osiris_dagster.compiler.lock import SchemaLock

    compiled, _ = compile_file(
        root, root.pipelines / "a.yaml", settings, connections_of(root, settings), lock=SchemaLock()
    )
    assert compiled.manifest.step("rows").columns is None


def test_faults_of_one_file_keep_their_kind(root):
    settings = Settings(env={})
    connections = connections_of(root, settings)
    with pytest.raises(ConfigError):
        compile_file(root, root.pipelines / "absent.yaml", settings, connections)
    (root.pipelines / "bad.yaml").write_text("- 1")
    with pytest.raises(OmlError) as caught:
        compile_file(root, root.pipelines / "bad.yaml", settings, connections)
    assert caught.value.first.code == "OML020"


def test_the_text_of_a_file_is_kept_without_its_byte_order_mark(root):
    text = GOOD.format(name="a", query="select 'ž' as n")
    Path(root.pipelines / "a.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    folder = loaded(root)
    assert folder.loaded[0].text == text
    manifest = folder.loaded[0].manifest
    assert load(root.build, "a", manifest.hash) == manifest


@pytest.mark.parametrize("given", [{"params": {"day": "x p4ss-w0rd"}}, {"env": {"OSIRIS_PARAM_DAY": "p4ss-w0rd"}}])
def test_a_parameter_cannot_bring_the_secret_of_a_connection_into_a_manifest(root, given):
    write(root, "a.yaml", "a", "\"select '${params.day}' as day\"")
    path = root.pipelines / "a.yaml"
    path.write_text(path.read_text("utf-8") + "params: {day: {default: monday}}\n", encoding="utf-8")
    (root.root / "osiris_connections.yaml").write_text(
        "connections: {mysql: {shop: {host: h, database: d, user: u, password: '${PASSWORD}'}}}"
    )
    settings = Settings(**{"env": {}, **given})
    settings.env["PASSWORD"] = "p4ss-w0rd"
    assert files(load_folder(root, Settings(env={"PASSWORD": "p4ss-w0rd"}))) == ["pipelines/a.yaml"]
    folder = load_folder(root, settings)
    assert codes(folder) == {"pipelines/a.yaml": ["CMP024"]}
    assert "p4ss" not in repr(folder.broken)

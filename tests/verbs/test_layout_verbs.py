"""`osiris fmt`, `osiris upgrade` and `osiris components lint` as a user calls them."""

from __future__ import annotations

from osiris_dagster.specs.read import components_folder

LOOSE = (
    'name:   x\noml_version: "0.2.0"\nsteps:\n'
    "- {id: a, component: duckdb.processor,mode: transform, config: {query: q}}\n"
)
TIGHT = (
    'oml_version: "0.2.0"\nname: x\nsteps:\n'
    "  - {id: a, component: duckdb.processor, mode: transform, config: {query: q}}\n"
)
OLD = """\
oml_version: "0.1.0"
name: x
steps:
  - id: a
    uses: duckdb.processor
    mode: transform
    with: {query: q}
    password: hunter2-secret
"""


def test_a_folder_is_formatted_once(osiris, shop):
    (shop / "pipelines" / "loose.yaml").write_text(LOOSE)
    (shop / "pipelines" / "deep").mkdir()
    (shop / "pipelines" / "deep" / "loose.yml").write_text(LOOSE)
    before = (shop / "osiris_connections.yaml").read_bytes()

    first = osiris("fmt", ".", "--json")
    second = osiris("fmt", ".", "--json")

    assert (first.code, second.code) == (0, 0)
    changed = [report["file"] for report in first.data["files"] if report["changed"]]
    assert {"pipelines/deep/loose.yml", "pipelines/loose.yaml"} <= set(changed)
    assert [report["file"] for report in second.data["files"] if report["changed"]] == []
    assert (shop / "pipelines" / "loose.yaml").read_text() == TIGHT
    assert (shop / "osiris_connections.yaml").read_bytes() == before


def test_check_writes_nothing_and_says_what_would_change(osiris, shop):
    file = shop / "pipelines" / "loose.yaml"
    file.write_text(LOOSE)

    result = osiris("fmt", "pipelines/loose.yaml", "--check")

    assert result.code == 1
    assert file.read_text() == LOOSE
    assert "-name:   x" in result.err
    assert "pipelines/loose.yaml: would be formatted" in result.err
    file.write_text(TIGHT)
    assert osiris("fmt", "pipelines/loose.yaml", "--check").code == 0


def test_a_broken_file_is_left_alone_with_its_faults(osiris, shop):
    file = shop / "pipelines" / "broken.yaml"
    file.write_text("oml_version: [\n")

    for verb in (["fmt"], ["upgrade", "--write"]):
        result = osiris(*verb, "pipelines/broken.yaml", "--json")
        assert (result.code, result.codes) == (2, ["OML001"])
    assert file.read_text() == "oml_version: [\n"


def test_what_is_no_mapping_is_left_alone(osiris, shop):
    (shop / "pipelines" / "list.yaml").write_text("- a\n")

    assert osiris("fmt", "pipelines/list.yaml", "--json").codes == ["OML020"]


def test_an_upgrade_shows_the_difference_and_writes_when_told(osiris, shop):
    file = shop / "pipelines" / "old.yaml"
    file.write_text(OLD)

    shown = osiris("upgrade", "pipelines/old.yaml")

    assert shown.code == 0
    assert file.read_text() == OLD
    assert '-oml_version: "0.1.0"\n+oml_version: "0.2.0"\n' in shown.out
    assert "pipelines/old.yaml: step a: `uses` is now `component`" in shown.out
    assert "hunter2" not in shown.out
    written = osiris("upgrade", "pipelines/old.yaml", "--write", "--json")
    assert written.data["files"][0]["changed"]
    assert "hunter2" not in written.out
    assert "component: duckdb.processor" in file.read_text()
    again = osiris("upgrade", "pipelines/old.yaml", "--write", "--json")
    assert again.data["files"] == [{"file": "pipelines/old.yaml", "changed": False, "changes": [], "diff": ""}]


def test_the_specs_of_the_catalogue_are_checked_by_name_and_as_a_whole(osiris, shop):
    one = osiris("components", "lint", "duckdb.processor", "--json")
    all_of_them = osiris("components", "lint", "--json")

    assert one.data["specs"] == [{"file": "components/duckdb.processor/spec.yaml", "valid": True}]
    assert len(all_of_them.data["specs"]) == len(list(components_folder().glob("*/spec.yaml")))
    assert all_of_them.code == 0


def test_a_spec_of_ones_own_is_checked_with_place_and_exit_code(osiris, shop):
    folder = shop / "mine" / "acme.extractor"
    folder.mkdir(parents=True)
    shipped = (components_folder() / "duckdb.extractor" / "spec.yaml").read_text()
    (folder / "spec.yaml").write_text(shipped.replace("name: duckdb.", "name: acme.", 1).replace("modes:", "mods:", 1))

    for name in ("mine", "mine/acme.extractor", "mine/acme.extractor/spec.yaml"):
        result = osiris("components", "lint", name, "--json")
        assert result.code == 2
        assert set(result.codes) == {"SPC002"}
        assert result.data["diagnostics"][0]["file"] == "components/acme.extractor/spec.yaml"


def test_a_name_without_a_spec_is_an_error(osiris, shop):
    result = osiris("components", "lint", "duckdb.procesor", "--json")

    assert (result.code, result.codes) == (2, ["CLI012"])
    assert "duckdb.processor" in result.data["diagnostics"][0]["fix"]


def test_what_cannot_be_laid_out_safely_is_left_alone(osiris, shop):
    file = shop / "pipelines" / "odd.yaml"
    odd = 'oml_version: "0.2.0"\nname: x\nmetadata: {a: 1, a key over\n  two lines, b: 2}\nsteps: []\n'
    file.write_text(odd)

    result = osiris("fmt", "pipelines/odd.yaml", "--json")

    assert (result.code, result.codes) == (2, ["CLI011"])
    assert file.read_text() == odd

"""Packages that bring components are found by their metadata; what is wrong with one is told and stops no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from osiris_dagster.canonical import fingerprint
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.connections.discovery import discover
from osiris_dagster.connections.doctor import Asking, probe_all
from osiris_dagster.connections.project import load_connections
from osiris_dagster.connections.schema import connection_reports
from osiris_dagster.drivers.registry import installed
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.validate import validate
from osiris_dagster.project import Project
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.installed import installed_plugins
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.load import read_catalogue
from osiris_dagster.specs.model import Package
from osiris_dagster.specs.plugins import plugin_entries
from osiris_dagster.specs.read import components_folder
from osiris_dagster.steps.identity import Identities
from tests.compiler.compiling import compiled
from tests.plugins.packages import install

CASES = yaml.safe_load((Path(__file__).parent / "packages.yaml").read_text("utf-8"))
ACME = CASES[0]["packages"][0]
TEXT = """\
oml_version: "0.2.0"
name: acme
steps:
  - {id: rows, component: acme.extractor, mode: read, config: {table: orders}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: out.csv}}
"""


def catalogue(*folders: Path) -> Catalogue:
    own = read_catalogue(components_folder())
    plugins, damaged = installed_plugins(map(str, folders))
    entries, refused = plugin_entries(plugins, own.families)
    return Catalogue([*own.entries, *entries], [*damaged, *refused])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_a_package_brings_is_used_or_told_and_nothing_is_imported(tmp_path: Path, case: dict) -> None:
    for package in case["packages"]:
        install(tmp_path, package)
    loaded = set(sys.modules)
    found = catalogue(tmp_path)
    assert [spec.name for spec in found if spec.package] == case["usable"]
    assert {spec.name for spec in found if not spec.package} == set(read_catalogue(components_folder()).names)
    assert len(found.unusable) == len(case["told"])
    for unusable, (code, *parts) in zip(found.unusable, case["told"], strict=True):
        finding = unusable.diagnostic
        said = f"{finding.place} {finding.message} {finding.fix}"
        assert finding.code == code
        assert [part for part in parts if part not in said] == []
        assert str(tmp_path) not in f"{finding}"
        assert finding.fix
    assert not [name for name in set(sys.modules) - loaded if name.startswith(("acme", "zeta", "other_", "fast_"))]


def test_an_unknown_component_is_told_with_the_package_that_should_bring_it(tmp_path: Path) -> None:
    install(tmp_path, {**ACME, "changes": {"modes": ["fly"]}})
    found = catalogue(tmp_path)
    unusable = found.why_not("acme.extractor")
    assert unusable is not None
    assert "acme-connector 1.2" in unusable.reason
    assert found.why_not("duckdb.extractor") is None


def test_a_family_that_is_missing_is_told_where_a_pipeline_or_a_connection_names_it(tmp_path: Path) -> None:
    for package in ("one", "two"):
        install(tmp_path, {**ACME, "package": package, "module": package})
    known = catalogue(tmp_path)
    said = "one 1.2 and two 1.2 bring the family acme; none of them is used; keep one of them"
    (missed,) = validate(TEXT, "pipelines/acme.yaml", known).diagnostics
    assert missed.code == "OML036"
    assert missed.fix.startswith(said)
    assert missed.edits == ()
    report = connection_reports("connections: {acme: {shop: {host: x}}}", "c.yaml", known)[("acme", "shop")]
    assert report.faults[0].fix.startswith(said)
    asking = Asking(Project(tmp_path), load_connections(Project(tmp_path), catalogue=known), known)
    (answer,) = probe_all(asking, (ConnectionFacts("acme", "shop"),))
    assert said.startswith(answer.message)
    assert "keep one of them" in answer.fix
    with pytest.raises(ConfigError, match="none of them is used"):
        discover(asking, "@acme.shop")


def test_a_spec_that_cannot_be_opened_is_told_by_lint_as_well(tmp_path: Path) -> None:
    install(tmp_path, {**ACME, "files": {"acme_osiris/components/acme.writer/spec.yaml/folder": ""}})
    (unusable,) = catalogue(tmp_path).unusable
    assert "cannot be read: Is a directory" in unusable.diagnostic.message
    (finding,) = lint_spec(tmp_path / "acme_osiris" / "components" / "acme.writer" / "spec.yaml")
    assert finding.code == "SPC001"


def test_a_spec_that_is_nested_without_end_is_told(tmp_path: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    install(tmp_path, {**ACME, "files": {"acme_osiris/components/acme.writer/spec.yaml": f"name: {deep}\n"}})
    (unusable,) = catalogue(tmp_path).unusable
    assert (unusable.name, unusable.diagnostic.code) == ("acme.writer", "SPC021")


def test_of_two_installations_of_one_package_the_first_on_the_path_is_used(tmp_path: Path) -> None:
    for version in ("1.2", "1.3"):
        install(tmp_path / version, {**ACME, "version": version})
    for first, second in (("1.2", "1.3"), ("1.3", "1.2")):
        found = catalogue(tmp_path / first, tmp_path / second)
        assert found["acme.extractor"].package == Package("acme-connector", first)
        assert found.unusable == ()


def test_an_installation_whose_files_lie_elsewhere_is_found_where_python_would_import_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install: metadata in one folder, the checkout on `sys.path` by another way."""
    install(tmp_path / "site", ACME)
    (tmp_path / "checkout").mkdir()
    (tmp_path / "site" / "acme_osiris").rename(tmp_path / "checkout" / "acme_osiris")
    assert catalogue(tmp_path / "site").get("acme.extractor") is None
    monkeypatch.syspath_prepend(str(tmp_path / "checkout"))
    assert "acme.extractor" in catalogue(tmp_path / "site")
    assert "acme_osiris" not in sys.modules


@pytest.mark.parametrize("wanted", [Package("acme-connector", "1.1"), Package("other", "1.2"), None], ids=str)
def test_a_step_wants_the_package_and_the_version_that_it_was_compiled_with(
    tmp_path: Path, wanted: Package | None
) -> None:
    install(tmp_path, ACME)
    known = catalogue(tmp_path)
    assert installed(known, "acme.extractor", Package("acme-connector", "1.2")) is known["acme.extractor"]
    with pytest.raises(DriverError) as caught:
        installed(known, "acme.extractor", wanted)
    first = caught.value.first
    assert (first.code, first.found) == ("DRV004", "the package acme-connector 1.2")
    assert first.expected == (f"the package {wanted}" if wanted else "osiris-dagster itself")
    assert first.fix


def test_a_folder_that_is_not_there_and_a_file_on_the_path_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").touch()
    assert installed_plugins([str(tmp_path / "gone"), str(tmp_path / "archive.zip")]) == ([], [])


def test_package_and_version_decide_on_fingerprints_manifest_and_checkpoints(tmp_path: Path) -> None:
    found = {}
    for version in ("1.2", "1.3"):
        install(tmp_path / version, {**ACME, "version": version})
        known = catalogue(tmp_path / version)
        manifest = compiled(TEXT, catalogue=known).manifest
        identities = Identities(manifest, partition="", full_refresh=False, isolated=False)
        parts = known.fingerprint("acme.extractor"), manifest.fingerprints["specs"], manifest.hash
        found[version] = {*parts, manifest.step("rows").fingerprint, identities.of("rows"), identities.of("out")}
        assert Manifest.from_json(manifest.to_json()) == manifest
        assert manifest.to_json()["steps"][0]["package"] == {"name": "acme-connector", "version": version}
        assert manifest.packages == {"acme-connector": version}
    assert found["1.2"] & found["1.3"] == set()


def test_components_of_the_product_have_the_fingerprints_of_their_text_alone(tmp_path: Path) -> None:
    install(tmp_path, ACME)
    known = catalogue(tmp_path)
    assert known.fingerprint("duckdb.writer") == fingerprint(known.contents("duckdb.writer"))
    assert "package" not in compiled(TEXT, catalogue=known).manifest.to_json()["steps"][1]

"""`watch` and `reload`: what counts as a change, and what is said when nobody answers."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from osiris_dagster.project import Project
from osiris_dagster.settings import Settings
from osiris_dagster.verbs import watch


def test_new_changed_and_removed_files_are_changes_and_a_touch_is_none(shop: Path, monkeypatch) -> None:
    monkeypatch.setattr(watch, "_PAUSE", 0.01)
    looks = watch.changes(Project(shop), Settings(env={}))
    file, lock = shop / "pipelines" / "shop.yaml", shop / "pipelines" / "shop.schema.json"

    def changed() -> set[str]:
        return {path.relative_to(shop).as_posix() for found in islice(looks, 1) for path in found}

    assert changed() == set()
    file.write_text(file.read_text() + "# more\n")
    (shop / "pipelines" / "deep").mkdir()
    (shop / "pipelines" / "deep" / "new.yml").write_text("name: new\n")
    (shop / "pipelines" / ".shop.yaml.swp").touch()
    assert changed() == {"pipelines/shop.yaml", "pipelines/deep/new.yml"}
    os.utime(file, (1, 1))
    assert changed() == set()
    lock.write_text("{}")
    (shop / "osiris_connections.yaml").write_text("connections: {}\n")
    assert changed() == {"pipelines/shop.schema.json", "osiris_connections.yaml"}
    file.unlink()
    assert "pipelines/shop.yaml" in changed()


def test_a_change_of_equal_size_within_one_tick_of_the_clock_is_seen(shop: Path, monkeypatch) -> None:
    monkeypatch.setattr(watch, "_PAUSE", 0.5)
    monkeypatch.setattr(watch.time, "sleep", lambda _seconds: None)
    looks = watch.changes(Project(shop), Settings(env={}))
    file = shop / "pipelines" / "shop.yaml"
    found = file.stat()
    next(looks)
    file.write_text(file.read_text().replace("name: shop", "name: shap"))
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert next(looks) == {file}


def test_a_webserver_that_is_not_there_is_told_with_its_address(osiris, shop: Path) -> None:
    result = osiris("reload", "--url", "http://127.0.0.1:9/", "--json")
    assert (result.code, result.codes) == (5, ["CFG073"])
    assert "http://127.0.0.1:9" in result.data["diagnostics"][0]["message"]

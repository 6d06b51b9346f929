"""The same inputs give the same bytes, wherever, whenever and by whomever they are compiled."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.command import process, written
from tests.compiler.golden_cases import CASES, GOLDEN

PLAIN = [case for case in CASES if not (GOLDEN / case / "given.yaml").exists()]
CONNECTIONS = """\
connections:
  duckdb:
    copy: {path: data/copy.duckdb}
    main: {path: "${SHOP_PATH}", default: true}
    owner: {path: data/shop.duckdb, identity: shop}
    reader: {path: data/shop.duckdb, identity: shop}
    shop: {path: data/shop.duckdb}
"""


def make(root, cases):
    """Make a project of golden pipelines, its files written in the order given."""
    (root / "pipelines").mkdir(parents=True)
    (root / "osiris.yaml").touch()
    lines = CONNECTIONS.splitlines(keepends=True)
    (root / "osiris_connections.yaml").write_text("".join(lines[:2] + (lines[2:] if cases == PLAIN else lines[:1:-1])))
    for case in cases:
        for suffix in (".yaml", ".schema.json"):
            if (GOLDEN / case / f"pipeline{suffix}").exists():
                shutil.copy(GOLDEN / case / f"pipeline{suffix}", root / "pipelines" / f"{case}{suffix}")
    return root


def built(root, files, *, cwd, env):
    done = process("compile", *files, "--project", str(root), "--json", cwd=cwd, env=env)
    assert done.code == 0, done.out
    return written(root / "build"), {told["pipeline"]: told for told in json.loads(done.out)["pipelines"]}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Return what two compilations left and told that have nothing but their inputs in common."""
    base = tmp_path_factory.mktemp("determinism")
    one = make(base / "one", PLAIN)
    other = make(base / "another" / "place with spaces", PLAIN[::-1])
    return (
        built(
            one,
            [f"pipelines/{case}.yaml" for case in PLAIN],
            cwd=one,
            env={"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C", "SHOP_PATH": "secret/path.duckdb"},
        ),
        built(
            other,
            [str(other / "pipelines" / f"{case}.yaml") for case in PLAIN[::-1]],
            cwd=base,
            env={"PYTHONHASHSEED": "4242", "TZ": "America/Lima", "LC_ALL": "C.UTF-8", "OSIRIS_PARAM_X": "1"},
        ),
    )


def test_every_byte_of_the_build_folder_is_equal(builds):
    (one, told), (other, told_elsewhere) = builds
    assert len(told) == len(PLAIN)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert told == told_elsewhere


def test_nothing_tells_where_or_when(builds, tmp_path):
    (one, _), _ = builds
    for name, content in one.items():
        text = content.decode()
        assert not re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text), name
        assert not re.search(r"(?<![\w.:])/(?:home|root|tmp|Users|var)/", text), name
        assert str(tmp_path.parent.parent) not in text
        assert "secret/path" not in text

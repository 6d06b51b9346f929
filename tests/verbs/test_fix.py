"""`osiris validate --fix`: safe changes only, everything else byte for byte, nothing when in doubt."""

from __future__ import annotations

import os
import stat

import pytest

from osiris_dagster.errors import ConfigError
from osiris_dagster.verbs.file_change import replace_text

WRONG = b"""\
\xef\xbb\xbf# Orders\r
oml_version: 0.2\r
name:   orders   # ours\r
steps:\r
  - id: rows\r
    uses: duckdb.processor\r
    mode: transform\r
    config: {query: select 1 as n}\r
"""


def test_a_file_is_mended_and_keeps_its_mark_its_breaks_and_its_permissions(osiris, shop):
    file = shop / "pipelines" / "wrong.yaml"
    file.write_bytes(WRONG)
    file.chmod(0o640)

    result = osiris("validate", "pipelines/wrong.yaml", "--fix")

    assert result.code == 0, result
    assert file.read_bytes() == WRONG.replace(b"0.2", b'"0.2.0"').replace(b"uses", b"component")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "pipelines/wrong.yaml:6:5: fixed OML033" in result.out


def test_fixing_again_changes_nothing(osiris, shop):
    file = shop / "pipelines" / "wrong.yaml"
    file.write_bytes(WRONG)
    osiris("validate", "pipelines/wrong.yaml", "--fix")
    once, touched = file.read_bytes(), file.stat().st_mtime_ns

    result = osiris("validate", "pipelines/wrong.yaml", "--fix", "--json")

    assert result.data["files"] == [{"file": "pipelines/wrong.yaml", "valid": True, "pipeline": "orders", "fixed": []}]
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (once, touched)


def test_without_fix_the_changes_are_only_told(osiris, shop):
    file = shop / "pipelines" / "wrong.yaml"
    file.write_bytes(WRONG)

    result = osiris("validate", "pipelines/wrong.yaml", "--json")

    found = {finding["code"]: finding for finding in result.data["diagnostics"]}
    assert result.code == 2
    assert file.read_bytes() == WRONG
    assert found["OML033"]["edits"] == [
        {
            "file": "pipelines/wrong.yaml",
            "range": {"start": {"line": 6, "column": 5}, "end": {"line": 6, "column": 9}},
            "replacement": "component",
            "safe": True,
        }
    ]
    assert found["OML025"]["alias"] == "unsupported_version"
    assert "  edit: 6:5-9 becomes `component` (--fix does it)" in osiris("validate", "pipelines/wrong.yaml").out


def test_a_file_that_is_no_text_is_left_alone(osiris, shop):
    file = shop / "pipelines" / "wrong.yaml"
    file.write_bytes(b"name: \xff\nuses: x\n")

    assert osiris("validate", "pipelines/wrong.yaml", "--fix").code == 2
    assert file.read_bytes() == b"name: \xff\nuses: x\n"


def test_what_somebody_else_wrote_meanwhile_is_not_lost(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"theirs")

    with pytest.raises(ConfigError) as caught:
        replace_text(file, "a.yaml", b"as it was read", "ours")

    assert caught.value.first.code == "CLI010"
    assert file.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["a.yaml"]  # noqa: PTH208 - names alone


def test_a_secret_is_not_moved_about_in_the_open(osiris, shop):
    file = shop / "pipelines" / "wrong.yaml"
    file.write_bytes(WRONG.replace(b"mode: transform", b"password: hunter2-secret"))

    result = osiris("validate", "pipelines/wrong.yaml", "--fix", "--json")

    assert "hunter2" not in result.out
    assert b"password: hunter2-secret" in file.read_bytes()

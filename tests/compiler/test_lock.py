"""Schema locks: what was written comes back, and anything else is called damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from osiris_dagster.columns import Column
from osiris_dagster.compiler.lock import LockedSchema, SchemaLock, lock_path, read_lock, write_lock
from osiris_dagster.errors import CompileError

LOCK = SchemaLock(
    {"b": LockedSchema("2" * 64, ()), "a": LockedSchema("1" * 64, (Column("x", "int64", nullable=False),))}
)


def test_a_lock_lies_beside_its_oml_file():
    assert lock_path(Path("pipelines/orders.daily.yaml")) == Path("pipelines/orders.daily.schema.json")


def test_a_lock_comes_back_and_is_written_in_one_form(tmp_path):
    path = tmp_path / "p.schema.json"
    write_lock(path, LOCK)
    assert read_lock(path, "p.schema.json") == LOCK
    text = path.read_text("utf-8")
    write_lock(path, SchemaLock(dict(reversed(LOCK.steps.items()))))
    assert path.read_text("utf-8") == text
    assert text.endswith("}\n")


def test_no_lock_is_an_empty_one(tmp_path):
    assert read_lock(tmp_path / "absent.json", "absent.json") == SchemaLock()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{",
        "{}",
        json.dumps({"version": 2, "steps": {}}),
        json.dumps({"version": 1}),
        json.dumps({"version": 1, "steps": []}),
        json.dumps({"version": 1, "steps": {"a": {}}}),
        json.dumps({"version": 1, "steps": {"a": {"fingerprint": "x", "columns": [{"name": "a"}]}}}),
        json.dumps({"version": 1, "steps": {"a": {"fingerprint": "x", "columns": [{"name": "a", "type": "varchar"}]}}}),
        json.dumps({"version": 1, "steps": {"a": {"fingerprint": "x", "columns": "ab"}}}),
        b"\xff\xfe{}",
        None,
    ],
    ids=str,
)
def test_a_damaged_lock_is_told_with_a_way_out(tmp_path, content):
    path = tmp_path / "p.schema.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CompileError) as caught:
        read_lock(path, "pipelines/p.schema.json")
    first = caught.value.first
    assert (first.code, caught.value.exit_code) == ("CMP040", 3)
    assert first.place is not None
    assert first.place.file == "pipelines/p.schema.json"
    assert first.found
    assert "osiris compile --online" in first.fix

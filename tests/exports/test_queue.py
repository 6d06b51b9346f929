from pathlib import Path

import pytest

from osiris_dagster.exports.queue import MAX_ATTEMPTS, ExportQueue, Pending
from osiris_dagster.file_queue import FileQueue


def test_a_run_is_queued_once_whatever_became_of_it(tmp_path):
    queue = ExportQueue(FileQueue(tmp_path))
    assert queue.add("r1")
    assert not queue.add("r1")
    queue.done("r1", ["aiop/p/1"])
    assert not queue.add("r1")
    assert list(queue.pending()) == []
    assert queue.packages("r1") == ["aiop/p/1"]


def test_the_oldest_run_comes_first(tmp_path):
    queue = ExportQueue(FileQueue(tmp_path))
    for run in ("c", "a", "b"):
        queue.add(run)
    assert [item.run_id for item in queue.pending()] == ["c", "a", "b"]


def test_a_run_that_keeps_failing_is_given_up_and_kept_for_people(tmp_path):
    queue = ExportQueue(FileQueue(tmp_path))
    queue.add("r")
    given_up = []
    while items := list(queue.pending()):
        given_up.append(queue.failed(items[0], "no space"))
    assert given_up == [False] * (MAX_ATTEMPTS - 1) + [True]
    assert "no space" in (tmp_path / "dead" / "r.json").read_text()
    assert not queue.add("r")


def test_a_damaged_entry_starts_again_from_its_name(tmp_path):
    queue = ExportQueue(FileQueue(tmp_path))
    queue.add("r")
    (tmp_path / "pending" / "r.json").write_text("{broken")
    assert list(queue.pending()) == [Pending("r")]


def test_a_run_id_never_leaves_the_folder(tmp_path):
    queue = ExportQueue(FileQueue(tmp_path / "q"))
    queue.add("../../x")
    assert [p.parent.name for p in tmp_path.rglob("*.json")] == ["pending"]


def test_a_move_that_a_crash_cut_off_is_found_in_both_states_and_made_again(tmp_path, monkeypatch):
    files = FileQueue(tmp_path)
    files.put("new", "x", {"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(OSError, match="cut off"):
            files.move("x", "new", "old", {"n": 2})
    assert [list(files.entries(state)) for state in ("new", "old")] == [[("x", {"n": 1})], [("x", {"n": 2})]]
    files.move("x", "new", "old", {"n": 2})
    assert [list(files.entries(state)) for state in ("new", "old")] == [[], [("x", {"n": 2})]]


def crash(*_arguments: object, **_options: object) -> None:
    raise OSError("cut off")


def test_an_entry_that_another_process_takes_away_meanwhile_is_no_fault(tmp_path):
    files = FileQueue(tmp_path)
    for name in ("a", "b"):
        files.put("new", name, {})
    found = files.entries("new")
    assert next(found) == ("a", {})
    files.move("b", "new", "old", {})
    assert list(found) == []

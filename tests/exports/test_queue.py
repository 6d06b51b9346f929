from osiris_dagster.exports.queue import MAX_ATTEMPTS, ExportQueue, Pending


def test_a_run_is_queued_once_whatever_became_of_it(tmp_path):
    queue = ExportQueue(tmp_path)
    assert queue.add("r1")
    assert not queue.add("r1")
    queue.done("r1", ["aiop/p/1"])
    assert not queue.add("r1")
    assert list(queue.pending()) == []
    assert queue.packages("r1") == ["aiop/p/1"]


def test_the_oldest_run_comes_first(tmp_path):
    queue = ExportQueue(tmp_path)
    for run in ("c", "a", "b"):
        queue.add(run)
    assert [item.run_id for item in queue.pending()] == ["c", "a", "b"]


def test_a_run_that_keeps_failing_is_given_up_and_kept_for_people(tmp_path):
    queue = ExportQueue(tmp_path)
    queue.add("r")
    given_up = []
    while items := list(queue.pending()):
        given_up.append(queue.failed(items[0], "no space"))
    assert given_up == [False] * (MAX_ATTEMPTS - 1) + [True]
    assert "no space" in (tmp_path / "dead" / "r.json").read_text()
    assert not queue.add("r")


def test_a_damaged_entry_starts_again_from_its_name(tmp_path):
    queue = ExportQueue(tmp_path)
    queue.add("r")
    (tmp_path / "pending" / "r.json").write_text("{broken")
    assert list(queue.pending()) == [Pending("r")]


def test_a_run_id_never_leaves_the_folder(tmp_path):
    queue = ExportQueue(tmp_path / "q")
    queue.add("../../x")
    assert [p.parent.name for p in tmp_path.rglob("*.json")] == ["pending"]

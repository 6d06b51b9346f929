import fcntl
import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest

from osiris_dagster.errors import RunError
from osiris_dagster.steps.scratch import Scratch


@contextmanager
def private_folder(root, run_id):
    scratch = Scratch(root, run_id)
    try:
        yield scratch.make()
    finally:
        scratch.remove()


def age(folder) -> None:
    os.utime(folder / ".lock", (1, 1))


def test_the_folder_is_private_named_after_the_run_and_gone_afterwards(tmp_path):
    root = tmp_path / "state" / "scratch"
    with private_folder(root, "run-1") as folder:
        assert folder.parent == root
        assert folder.name.startswith("run-1-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "below").mkdir()
        (folder / "below" / "rows").write_text("x")
    assert list(root.iterdir()) == []


def test_it_can_be_removed_at_any_time_and_again(tmp_path):
    scratch = Scratch(tmp_path, "run")
    scratch.remove()
    scratch.make()
    scratch.remove()
    scratch.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_half_made_is_removed(tmp_path):
    scratch = Scratch(tmp_path, "run")
    scratch.folder.mkdir()
    with pytest.raises(RunError, match="no scratch folder can be made"):
        scratch.make()
    scratch.remove()
    assert list(tmp_path.iterdir()) == []


def test_two_executions_of_one_run_do_not_share_it(tmp_path):
    with private_folder(tmp_path, "run") as one, private_folder(tmp_path, "run") as other:
        assert one != other
        assert one.is_dir()
        assert other.is_dir()


def test_a_run_id_cannot_lead_out_of_the_root(tmp_path):
    with private_folder(tmp_path / "scratch", "../../x") as folder:
        assert folder.parent == tmp_path / "scratch"


def test_the_folder_of_a_killed_run_is_swept_by_the_next_one_and_a_living_one_is_kept(tmp_path):
    code = (
        "import sys, pathlib; from osiris_dagster.steps.scratch import Scratch\n"
        "scratch = Scratch(pathlib.Path(sys.argv[1]), 'dead'); print(scratch.make(), flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    dead = tmp_path / os.path.basename(child.stdout.readline().strip())  # noqa: PTH119 - a name from a pipe
    age(dead)
    with private_folder(tmp_path, "living") as living:
        assert dead.is_dir()
        child.send_signal(signal.SIGKILL)
        child.communicate()
        age(living)
        with private_folder(tmp_path, "next"):
            assert not dead.exists()
            assert living.is_dir()


def test_a_folder_that_may_not_be_locked_yet_is_left_alone(tmp_path):
    young = tmp_path / "young"
    young.mkdir()
    (young / ".lock").touch()
    with private_folder(tmp_path, "run"):
        assert young.is_dir()
    age(young)
    handle = os.open(young / ".lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with private_folder(tmp_path, "run"):
        assert young.is_dir()
    os.close(handle)
    with private_folder(tmp_path, "run"):
        assert not young.exists()


def test_a_root_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(RunError, match="no scratch folder can be made in") as caught,
        private_folder(tmp_path / "file", "run"),
    ):
        pass
    assert caught.value.first.code == "RUN021"

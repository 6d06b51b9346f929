"""What nobody foresaw: a report to paste, without paths of the host, and never a bare traceback."""

from __future__ import annotations

import errno

import pytest

from osiris_dagster.cli.crash import crash_report, refused_by_system
from osiris_dagster.verbs.asked import say_nothing


@pytest.fixture
def corrupt(shop):
    """Return a project whose event log is no database."""
    history = shop / ".osiris" / "dagster_home" / "history"
    history.mkdir(parents=True)
    (history / "runs.db").write_bytes(b"this is no database" * 100)
    return shop


def test_a_corrupt_event_log_gives_a_report_and_exit_code_1(osiris, corrupt):
    result = osiris("run", "pipelines/shop.yaml")
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[0] == "osiris met an error that it does not know. Please report it with the text below."
    assert "verb: run" in lines[1]
    assert any("DatabaseError" in line for line in lines)
    assert any(line.startswith("    dagster/") for line in lines)
    assert str(corrupt) not in result.err
    assert not (corrupt / "data" / "warehouse.duckdb").exists()


def test_the_report_is_one_json_object_when_asked(osiris, corrupt):
    result = osiris("runs", "list", "--json")
    assert (result.code, result.codes) == (1, ["OSI900"])
    assert result.data["error"]["type"] == "DatabaseError"
    assert result.data["error"]["frames"]
    assert str(corrupt) not in result.out


def test_a_report_has_no_secret_and_names_causes():
    try:
        try:
            raise KeyError("postgres://me:hunter2@db/x")
        except KeyError as cause:
            raise RuntimeError("password=hunter2 is wrong") from cause
    except RuntimeError as error:
        report = crash_report(error, "run")
    assert report.exit_code == 1
    assert "hunter2" not in report.text + str(report.as_dict())
    assert report.text.index("RuntimeError") < report.text.index("KeyError")
    assert "test_crash.py" in report.text
    assert "/test_crash.py" not in report.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "some/file"), "No such file or directory"),
        (PermissionError(errno.EACCES, "Permission denied", b"some/file"), "Permission denied"),
        (OSError(errno.EXDEV, "Invalid link", "some/temporary", None, "some/file"), "Invalid link"),
    ],
)
def test_a_file_that_the_system_refuses_is_no_crash(error, said):
    outcome = refused_by_system(error)
    assert outcome is not None
    found = outcome.diagnostics[0]
    assert (outcome.exit_code, found.code, found.found) == (5, "CFG050", said)
    assert "`some/file`" in found.message


def test_a_full_disk_is_no_crash_even_without_a_name():
    outcome = refused_by_system(OSError(errno.ENOSPC, "No space left on device"))
    assert outcome is not None
    assert outcome.diagnostics[0].found == "No space left on device"


def test_any_other_refusal_is_unknown():
    assert refused_by_system(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")) is None
    assert refused_by_system(OSError("no number")) is None


def test_nobody_listens_by_default():
    say_nothing("a line", live=True)

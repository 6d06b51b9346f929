"""A reader sees the old bytes or the new ones, whatever happens between."""

from __future__ import annotations

import resource

import pytest

from osiris_dagster.atomic import replacing, write_bytes


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_are_written_as_they_are_with_their_folders(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "text", "žluť\r\nline\n")
    write_bytes(tmp_path / "a" / "bytes", b"\xff\x00")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "žluť\r\nline\n".encode()
    assert (tmp_path / "a" / "bytes").read_bytes() == b"\xff\x00"


def half_written(target, then):
    with replacing(target) as temporary:
        temporary.write_text("half")
        assert target.read_text() == "old"
        then()


def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path):
    target = tmp_path / "file"
    write_bytes(target, "old")
    with pytest.raises(ZeroDivisionError):
        half_written(target, lambda: 1 / 0)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_file_that_grows_too_large_leaves_the_old_content(tmp_path):
    target = tmp_path / "file"
    write_bytes(target, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_bytes(target, b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_target_that_cannot_be_replaced_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_bytes(tmp_path / "folder", "text")
    assert names(tmp_path) == ["folder"]


def test_the_mode_is_the_one_asked_for(tmp_path):
    write_bytes(tmp_path / "open", "x")
    with replacing(tmp_path / "closed", mode=0o600) as temporary:
        temporary.write_text("x")
        assert temporary.stat().st_mode & 0o077 == 0
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "closed").stat().st_mode & 0o777 == 0o600


def test_a_link_is_replaced_and_its_target_kept(tmp_path):
    (tmp_path / "real").write_text("real")
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", "new")
    assert (tmp_path / "link").read_text() == "new"
    assert (tmp_path / "real").read_text() == "real"


def test_a_name_of_any_length_that_the_system_takes_can_be_replaced(tmp_path):
    write_bytes(tmp_path / ("n" * 255), "x")
    assert names(tmp_path) == ["n" * 255]

from __future__ import annotations

import subprocess

import pytest

from osiris_dagster.git.trailers import trailers_of

WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")


def commit(root, text, message):
    (root / "orders.yaml").write_text(text)
    for arguments in (("add", "orders.yaml"), (*WHO, "commit", "-q", "-m", message)):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_the_commit_that_brought_the_text_is_asked(repository):
    commit(repository, "one", "Add orders\n\nOsiris-Intent: Count the\n orders of a day\nReviewed-by: Bob")
    commit(repository, "two", "Change orders\n\nOsiris-Intent: Something else")
    commit(repository, "one", "Go back\n\nOsiris-Intent: A third thing")
    assert trailers_of(repository, "one", "Osiris-Intent") == ("Count the orders of a day",)
    assert trailers_of(repository, "two", "Osiris-Intent") == ("Something else",)
    assert trailers_of(repository, "one", "Reviewed-by") == ("Bob",)


def test_nothing_is_said_of_what_git_does_not_know(repository, tmp_path_factory):
    assert trailers_of(repository, "one", "Osiris-Intent") == ()  # no commit yet
    commit(repository, "one", "Add orders")
    assert trailers_of(repository, "one", "Osiris-Intent") == ()
    commit(repository, "", "Empty it\n\nOsiris-Intent: Nothing")
    assert trailers_of(repository, "", "Osiris-Intent") == ()  # as of a pipeline whose text is not kept any more
    assert trailers_of(repository, "other", "Osiris-Intent") == ()
    assert trailers_of(tmp_path_factory.mktemp("plain"), "one", "Osiris-Intent") == ()


def test_a_text_is_looked_for_in_its_folder_and_those_below(repository):
    (repository / "pipelines").mkdir()
    commit(repository / "pipelines", "one", "Add orders\n\nOsiris-Intent: Count")
    (repository / "other").mkdir()
    assert trailers_of(repository, "one", "Osiris-Intent") == ("Count",)
    assert trailers_of(repository / "pipelines", "one", "Osiris-Intent") == ("Count",)
    assert trailers_of(repository / "other", "one", "Osiris-Intent") == ()


def test_a_machine_without_git_is_no_error(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert trailers_of(repository, "one", "Osiris-Intent") == ()


def test_a_repository_cannot_make_git_run_its_programs(repository):
    commit(repository, "one", "Add orders\n\nOsiris-Intent: x")
    subprocess.run(["git", "config", "core.fsmonitor", "touch ran"], cwd=repository, check=True)
    assert trailers_of(repository, "one", "Osiris-Intent") == ("x",)
    assert not (repository / "ran").exists()

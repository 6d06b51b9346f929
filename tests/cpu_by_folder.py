"""A plugin that prints at the end how many CPU-minutes the tests of each folder took: `-p tests.cpu_by_folder`.

What a test takes is what its process takes from its setup to its teardown, user and system, with the child processes
that ended meanwhile; so a server is counted where it ends. What is left of a process is its start and the collection.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

START = "start and collection"
_KEY = "cpu_by_folder"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuByFolder(), "osiris-cpu-by-folder")


def seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def folder_of(nodeid: str) -> str:
    """Return the folder of tests below `tests`, or the first of the package."""
    parts = PurePosixPath(nodeid.partition("::")[0]).parts[:-1]
    return "/".join(parts[:2])


class CpuByFolder:
    """Counts in each process, and adds up in the one that all report to."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = seconds()
        result = yield
        self.spent[folder_of(item.nodeid)] += seconds() - before
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not session.config.pluginmanager.has_plugin("dsession"):  # whose children are the processes that test
            self.spent[START] += seconds() - self.spent.total()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_KEY] = dict(self.spent)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.spent.update(getattr(node, "workeroutput", {}).get(_KEY, {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("CPU-minutes by folder")
        for folder, spent in self.spent.most_common():
            terminalreporter.line(f"{spent / 60:7.2f}  {folder}")
        terminalreporter.line(f"{self.spent.total() / 60:7.2f}  all")

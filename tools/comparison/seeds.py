"""Recorded projects: a folder or an archive put in another place, as if it had been there all the time."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.state import move


@dataclass(frozen=True, slots=True)
class Seed:
    """A project: its folder or archive, and the path that stands for its folder in its files."""

    source: Path
    named: str

    def plant(self, folder: Path) -> None:
        """Make `folder` a copy, in which every path of the project leads there."""
        if self.source.is_dir():
            shutil.copytree(self.source, folder, symlinks=True)
        else:
            with tarfile.open(self.source) as archive:
                archive.extractall(folder, filter="data")
        move(folder, self.named, str(folder))

"""Recorded projects: a folder or an archive put in another place, as if it had been there all the time."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_SQLITE = b"SQLite format 3"


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
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                _rename(path, self.named, str(folder))


def _rename(path: Path, old: str, new: str) -> None:
    data = path.read_bytes()
    if old.encode() not in data:
        return
    if not data.startswith(_SQLITE):
        path.write_bytes(data.replace(old.encode(), new.encode()))
        return
    with closing(sqlite3.connect(path)) as session:
        tables = session.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for column in [row[1] for row in session.execute(f'pragma table_info("{table}")')]:
                session.execute(
                    f'update "{table}" set "{column}" = replace("{column}", ?, ?)'
                    f' where typeof("{column}") = \'text\' and instr("{column}", ?)',
                    (old, new, old),
                )
        session.commit()

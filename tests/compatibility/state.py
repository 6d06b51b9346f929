"""The state that is kept: where it lies, how it is unpacked, and what is asked about it."""

from __future__ import annotations

import io
import lzma
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.command import environment, written

HERE = Path(__file__).parent
PROJECT, PACKAGES, ANSWERS = HERE / "project.tar.xz", HERE / "packages.tar.xz", HERE / "answers.json"
ROOT = "/fixture/project"
"""What stands in the archive for the project's folder."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive; the same files give the same bytes."""
    target = io.BytesIO()
    with (
        lzma.open(target, "wb", preset=9 | lzma.PRESET_EXTREME) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            tar.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive into a new folder."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def old_project(root: Path) -> Path:
    """Put the project into a new folder, as if it had been there all the time."""
    move(unpacked(PROJECT, root), ROOT, str(root))
    return root


def move(root: Path, old: str, new: str) -> None:
    """Replace the name of a folder in everything that holds text; nothing else may hold it."""
    for path in [path for path in sorted(root.rglob("*")) if path.is_file()]:
        data = path.read_bytes()
        if old.encode() not in data:
            continue
        if data.startswith(b"SQLite format 3"):
            _move_database(path, old, new)
        else:
            assert path.suffix not in (".duckdb", ".parquet"), path
            path.write_bytes(data.replace(old.encode(), new.encode()))


def _move_database(path: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(path)) as session:
        for (table,) in session.execute("select name from sqlite_master where type = 'table'").fetchall():
            for column in [f'"{row[1]}"' for row in session.execute(f'pragma table_info("{table}")')]:
                changed = f"update {table} set {column} = replace({column}, ?, ?)"
                session.execute(f"{changed} where typeof({column}) = 'text' and instr({column}, ?)", (old, new, old))
        session.commit()
        session.execute("vacuum")
        session.execute("pragma wal_checkpoint(truncate)")


def questions(run_ids: Iterable[str]) -> list[str]:
    """Return the calls whose answers must stay as they were."""
    runs = [f"{asked} {run_id}" for run_id in run_ids for asked in ("runs view --json", "logs show --json")]
    return [
        "runs list",
        "runs list --json",
        "runs list --pipeline days",
        "logs aiop list",
        "discover @duckdb.ops",
        *runs,
    ]


def work_off(root: Path) -> dict[str, bytes]:
    """Let the sensor of the export queue tick until nothing waits; return the files of all packages."""
    state = root / ".osiris"
    homes = {"OSIRIS_HOME": str(root), "DAGSTER_HOME": str(state / "dagster_home")}
    tick = "-m dagster sensor preview osiris_export -m osiris_dagster.definitions".split()
    for _ in range(10):  # a tick ends when its time is up
        if not any((state / "exports" / "pending").iterdir()):
            break
        subprocess.run([sys.executable, *tick], cwd=root, env=environment() | homes, check=True, capture_output=True)
    return written(root / "aiop")

"""Resolves project paths to files that are read or replaced, and names faults of the file system with a way out."""

from __future__ import annotations

import difflib
import errno
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from osiris_dagster.atomic import replacing
from osiris_dagster.drivers.base import Artifact, StepCall
from osiris_dagster.errors import DriverError
from osiris_dagster.write_paths import below, writable

_GLOB = frozenset("*?[")
_ABANDONED = 6 * 3600  # seconds without a write after which a temporary file has no owner any more
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def project_path(call: StepCall, name: str = "") -> str:
    """Return the path of the step, or `name`, below the connection's or the step's `base_dir`, as OML writes it."""
    base = call.connection.get("base_dir") or call.config.get("base_dir") or ""
    return below(str(base), str(name or call.config["path"]))


def existing_file(call: StepCall) -> Path:
    """Return the absolute path of the file to read; DriverError with the nearest name when it is not there.

    Raises ConfigError when the path leaves the project, also through a link.
    """
    name = project_path(call)
    path = call.project.inside(name)
    if path.is_file():
        return path
    if path.is_dir():
        raise _missing(name, "a folder", "name a file in it")
    raise _missing(name, "no such file", _nearest(path))


def matching_files(call: StepCall) -> list[Path]:
    """Return the files that the step's path or pattern means, in the order of their names."""
    name = project_path(call)
    if not _GLOB & set(name):
        return [existing_file(call)]
    root = call.project.inside(".")
    fixed = [part for part in Path(name).parts if not _GLOB & set(part)]
    call.project.inside(str(Path(*fixed)) if fixed else ".")  # a pattern may not climb out
    found = sorted(path for path in root.glob(name) if path.is_file())
    if not found:
        raise _missing(name, "no file matches", "check the pattern; * does not cross folders, ** does")
    return [call.project.inside(path.relative_to(root).as_posix()) for path in found]


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the folder {path.parent.name} does not exist either"
    names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "the folder holds " + (", ".join(names[:10]) if names else "no file")


def _missing(name: str, found: str, fix: str) -> DriverError:
    return DriverError(
        f"there is no file {name} to read",
        code="DRV040",
        found=found,
        expected="an existing file below the project",
        fix=fix,
    )


class Sink:
    """A file being written whose size and digest are known when it is done."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        """Write bytes, or anything with a buffer, and return their number."""
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._digest.update(view)
        self.size += len(view)
        return len(view)

    def writable(self) -> bool:
        """Tell libraries that this is for writing."""
        return True

    def readable(self) -> bool:
        """Tell libraries that this is not for reading."""
        return False

    def seekable(self) -> bool:
        """Tell libraries that bytes come in order."""
        return False

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self.size

    def flush(self) -> None:
        """Hand the bytes to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Leave the file open: who opened it closes it."""

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes so far."""
        return self._digest.hexdigest()


def target_path(call: StepCall) -> Path:
    """Return the absolute path of the file to write.

    Raises ConfigError when it leaves the project or lies where no step may write, DriverError when it is a folder or
    its folder is missing and may not be made.
    """
    name = project_path(call)
    path = writable(call.project, name, call.oml)
    if path.is_dir():
        raise DriverError(
            f"{name} is a folder",
            code="DRV041",
            found="a folder",
            expected="a file to write",
            fix="add a file name to `path`",
        )
    if not call.config["create_dirs"] and not path.parent.is_dir():
        raise DriverError(
            f"the folder of {name} does not exist",
            code="DRV041",
            found="no such folder",
            expected="an existing folder, as create_dirs is false",
            fix="make the folder, or set create_dirs: true",
        )
    return path


@contextmanager
def replacing_file(call: StepCall, path: Path) -> Iterator[Sink]:
    """Yield a sink; on a clean exit its bytes take the place of `path` at once, otherwise `path` stays as it was.

    Raises DriverError naming path and free space when the file system refuses.
    """
    with write_faults(call, path):
        if path.parent.is_dir():
            _remove_abandoned(path)
        with replacing(path) as temporary, temporary.open("wb") as file:
            yield Sink(file)
            file.flush()


def artifact(call: StepCall, path: Path, sink: Sink, mime_type: str) -> Artifact:
    """Return the record of a file that was written."""
    name = path.relative_to(call.project.inside(".")).as_posix()
    return Artifact(name, sink.size, sink.sha256, mime_type)


@contextmanager
def write_faults(call: StepCall, path: Path) -> Iterator[None]:
    """Turn what the file system raises while `path` is written into a DriverError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise  # no fault of the file system, but of a library on the way
        raise _not_written(call, path, error) from error


def _not_written(call: StepCall, path: Path, error: OSError) -> DriverError:
    name = project_path(call)
    folder = next(parent for parent in path.parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    full = error.errno in _FULL
    return DriverError(
        f"{name} cannot be written: {error.strerror}; {free / 1e6:,.0f} MB are free there",
        code="DRV042",
        found=error.strerror or "",
        expected="a folder with room that this user may write to",
        fix="free space and run the step again" if full else "check the rights on the folder and the file",
        retryable="transient" if full else "permanent",
    )


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files that killed runs left beside `path`."""
    for entry in path.parent.glob(f".{_escaped(path.name[:80])}.*.tmp"):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > _ABANDONED:
                entry.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in _GLOB else char for char in name)

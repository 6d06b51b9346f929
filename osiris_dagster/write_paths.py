"""The project path of a file that a step is to write in; why it may not be written, or where it lies, out.

What a step writes is made of rows, and rows come from outside. So they never become something that a program of the
project, of git or of an editor reads as its own: hidden files, OML, components, manifests, packages and settings.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath

from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project

BASE = "base_dir"
"""The option that names the folder which the other project paths of a component start from."""
_FOLDERS = ("pipelines", "components", "aiop", "build", ".osiris")
_SETTINGS = re.compile(r"(?:osiris.*|workspace)\.ya?ml")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/|(?:data|duckdb|file|md|motherduck|sqlite):", re.IGNORECASE)
_INVISIBLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, bytes that are no text, and what breaks a line


def below(base: str, path: str) -> str:
    """Return the project path that a step's `base_dir` and its path mean together."""
    return str(PurePosixPath(base, path)) if base else path


def refusal(path: str, own: str = "") -> str:
    """Return why no step may write a project path, by its text alone; empty when nothing speaks against it.

    `own` is the OML file of the step. Letters count in any case, since some file systems do not tell them apart.

    >>> [bool(refusal(path)) for path in ("out/a.csv", "../a.csv", "out/.git/a", "Pipelines/a", "out/build/a")]
    [False, False, True, True, False]
    """
    if any(unicodedata.category(char) in _INVISIBLE for char in path):
        return "its name holds a control character"
    if scheme := _SCHEME.match(path):
        return f"`{scheme[0]}` begins an address, and a step writes files of the project"
    parts = [_folded(part) for part in re.split(r"[/\\]", path)]
    if hidden := next((part for part in parts if part.startswith(".") and part.strip(".")), ""):
        return f"`{hidden}` is hidden, and other programs keep their settings in hidden files"
    place = _place(parts)
    if place and place[0] in _FOLDERS:
        return f"`{place[0]}/` is not for rows: what lies there is read as a part of the project"
    if place and _SETTINGS.fullmatch(place[-1]):
        return f"`{place[-1]}` is a file of settings"
    if own and place == _place([_folded(part) for part in own.split("/")]):
        return "it is the OML file of the step itself"
    return ""


def writable(project: Project, path: str, own: str = "") -> Path:
    """Return the absolute path of a file to write, links followed.

    Raises ConfigError when the path, or what its links lead to, leaves the project or may not be written.
    """
    reason = refusal(path, own)
    if reason:
        raise _refused(path, reason)
    target = project.inside(path)
    root = project.root.resolve()
    reason = refusal(target.relative_to(root).as_posix(), own) or _linked(root, target, own)
    if reason:
        raise _refused(path, reason)
    return target


def _linked(root: Path, target: Path, own: str) -> str:
    """Return why a target may not be written that a link of the project makes a part of it under another name."""
    if own and target == (root / own).resolve():
        return "it is the OML file of the step itself"
    folder = next((name for name in _FOLDERS if target.is_relative_to((root / name).resolve())), "")
    if folder:
        return f"`{folder}/` is a link to it, and not for rows"
    settings = (entry for pattern in ("osiris*.y*ml", "workspace.y*ml") for entry in root.glob(pattern))
    linked = next((entry.name for entry in settings if entry.resolve() == target), "")
    return f"`{linked}` is a link to it, and a file of settings" if linked else ""


def _folded(part: str) -> str:
    """Return a name so that all are equal which some file system takes for one.

    Letters of any case, composed or not; characters that nobody sees; and, for Windows, dots and spaces at the end and
    the name of a stream.
    """
    seen = "".join(char for char in part if unicodedata.category(char) != "Cf")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold())
    return folded if not folded.strip(".") else folded.partition(":")[0].rstrip(". ")


def _place(parts: list[str]) -> list[str]:
    place: list[str] = []
    for part in parts:
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            place.append(part)
    return place


def _refused(path: str, reason: str) -> ConfigError:
    return ConfigError(
        f"path {path!r} may not be written: {reason}",
        code="CFG012",
        found=repr(path),  # it may hold what a terminal obeys
        expected="a file for rows, e.g. output/orders.csv",
        fix="write to a folder such as output/ or data/",
    )

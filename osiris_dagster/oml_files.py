"""Folders in, the OML files in them out, and what is wrong with them as neighbours: names that meet, a shared lock."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from osiris_dagster.compiler.names import identifier, key_part
from osiris_dagster.errors import ConfigError, Diagnostic, Place
from osiris_dagster.project import Project

SUFFIXES = (".yaml", ".yml")
RESERVED = ("aiop", "file", "osiris_broken")
"""First parts of asset keys that are not a pipeline's: a step below one of them could meet another asset."""

_NAME = re.compile(r"^name\s*:", re.MULTILINE)


def oml_files(folder: Path) -> list[Path]:
    """Return the OML files at any depth, sorted; without hidden ones, which are what editors leave.

    A link that leads nowhere and a folder that cannot be looked into are among them: somebody means pipelines to be
    there, and reading them says what is wrong.
    """
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        if Path(error.filename) != folder:
            found.append(Path(error.filename))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += (path for name in names if _is_oml(path := Path(parent, name)))
    return sorted(found)


def _is_oml(path: Path) -> bool:
    if path.suffix not in SUFFIXES or path.name.startswith("."):
        return False
    return path.is_file() or (path.is_symlink() and not path.exists())


def named_files(project: Project, names: Iterable[str]) -> list[Path]:
    """Return the files that a person means: each file that is named, and of each folder what is in it.

    The root of the project means its `pipelines/`. ConfigError for a folder without an OML file.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name).resolve()
        found |= dict.fromkeys(_in_folder(project, path, name) if path.is_dir() else [path])
    return list(found)


def _in_folder(project: Project, folder: Path, name: str) -> list[Path]:
    files = oml_files(project.pipelines if folder == project.root.resolve() else folder)
    if not files:
        raise ConfigError(
            f"there is no OML file in {name}",
            code="CFG072",
            found="no .yaml or .yml file",
            expected="a folder with pipelines",
            fix="name the folder that holds them, usually pipelines/",
        )
    return files


@dataclass(frozen=True, slots=True)
class Named:
    """A valid OML file among others: project-relative file, the name of its pipeline, and the text for the place."""

    file: str
    pipeline: str
    text: str = ""


def neighbour_faults(files: Sequence[Named]) -> dict[str, Diagnostic]:
    """Return by file what stands in its way beside the others: of files that meet, none wins."""
    found: dict[str, Diagnostic] = {}
    for check in (_shared_locks, _twins, _reserved):
        for item, fault in check(files):
            found[item.file] = fault
    return found


Faults = Iterator[tuple[Named, Diagnostic]]


def _groups(files: Sequence[Named], key: Callable[[Named], str]) -> Iterator[tuple[list[Named], str]]:
    by_key: defaultdict[str, list[Named]] = defaultdict(list)
    for item in files:
        by_key[key(item)].append(item)
    for group in by_key.values():
        if len(group) > 1:
            yield group, ", ".join(sorted(item.file for item in group))


def _twins(files: Sequence[Named]) -> Faults:
    for group, names in _groups(files, lambda item: identifier(key_part(item.pipeline)).casefold()):
        same = len({item.pipeline for item in group}) == 1
        for item in group:
            what = "their pipeline" if same else "their pipelines too much alike for Dagster, one of them"
            yield (
                item,
                Diagnostic(
                    "CMP060",
                    f"{len(group)} files name {what} {item.pipeline!r}",
                    place=_name_place(item),
                    path="name",
                    found=names,
                    expected="names that differ in more than case and punctuation",
                    fix="rename the pipeline in all files but one",
                ),
            )


def _shared_locks(files: Sequence[Named]) -> Faults:
    for group, names in _groups(files, lambda item: str(PurePosixPath(item.file).with_suffix("")).casefold()):
        for item in group:
            yield (
                item,
                Diagnostic(
                    "CMP062",
                    f"{len(group)} files share one schema lock, because they differ only in suffix or case",
                    place=Place(item.file),
                    found=names,
                    expected="file names that differ before the suffix",
                    fix="rename all files but one",
                ),
            )


def _reserved(files: Sequence[Named]) -> Faults:
    for item in files:
        if key_part(item.pipeline) in RESERVED:
            yield (
                item,
                Diagnostic(
                    "CMP063",
                    f"a pipeline cannot be called {item.pipeline!r}",
                    place=_name_place(item),
                    path="name",
                    found=item.pipeline,
                    expected=f"a name other than {', '.join(RESERVED)}, below which Osiris keeps assets of its own",
                    fix=f"call it for example {item.pipeline}-pipeline",
                ),
            )


def _name_place(item: Named) -> Place:
    match = _NAME.search(item.text)
    return Place(item.file, item.text.count("\n", 0, match.start()) + 1 if match else 1)

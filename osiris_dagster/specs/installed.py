"""The packages of this environment that say they bring connectors, found by their metadata without importing one.

A package says so with an entry point of the group `osiris_dagster.components`: `family = "package"`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from osiris_dagster.errors import Diagnostic
from osiris_dagster.specs.catalogue import Unusable
from osiris_dagster.specs.model import Package

if TYPE_CHECKING:
    from importlib.metadata import Distribution  # 20 ms to load, and most environments have no plugin

GROUP = "osiris_dagster.components"
_FAMILY = re.compile(r"[a-z][a-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_OWN = "osiris_dagster"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: a family, the package that brings it, and where the specs of that package lie."""

    family: str
    package: Package
    module: str  # the Python package that has the drivers, and the specs in its folder `components`
    folder: Path


def installed_plugins(path: Iterable[str] | None = None) -> tuple[list[Plugin], list[Unusable]]:
    """Return the plugins below the folders of `path`, by default `sys.path`, and the packages that are damaged."""
    folders = _announcing(sys.path if path is None else path)
    found = [each for folder in folders for each in _of_package(folder)]
    plugins = [each for each in found if isinstance(each, Plugin)]
    return plugins, [each for each in found if isinstance(each, Unusable)]


def _announcing(path: Iterable[str]) -> Iterator[Path]:
    """Yield the metadata folders that name the group; of two of one package the first on the path.

    `importlib.metadata.entry_points` parses the files of all packages, and takes 40 ms with 150 of them. Here a file is
    opened and looked through, and only one that has the word is given to `importlib.metadata`.
    """
    seen: set[str] = set()
    for folder in dict.fromkeys(path):
        try:
            names = sorted(entry.name for entry in Path(folder).iterdir())
        except OSError:
            continue  # an archive, or a folder that is not there
        for name in names:
            stem, _, kind = name.rpartition(".")
            package = re.sub(r"[-_.]+", "_", stem.partition("-")[0]).lower()
            if kind not in ("dist-info", "egg-info") or package in seen:
                continue
            seen.add(package)
            try:
                text = Path(folder, name, "entry_points.txt").read_bytes()
            except OSError:
                continue
            if GROUP.encode() in text:
                yield Path(folder, name)


def _of_package(folder: Path) -> Iterator[Plugin | Unusable]:
    from importlib.metadata import Distribution  # noqa: PLC0415 - see above

    shown = folder.name.rpartition(".")[0].replace("-", " ", 1)
    try:
        distribution = Distribution.at(folder)
        package = Package(str(distribution.metadata["Name"] or ""), str(distribution.version or ""))
        entries = sorted({(entry.name, entry.value) for entry in distribution.entry_points.select(group=GROUP)})
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the metadata of others stops nothing else
        yield _damaged(shown.partition(" ")[0], shown, f"its metadata cannot be read: {type(error).__name__}")
        return
    if not (package.name and package.version):
        yield _damaged(shown.partition(" ")[0], shown, "its metadata has no name or no version")
        return
    for family, module in entries:
        yield _plugin(distribution, package, family, module)


def _plugin(distribution: Distribution, package: Package, family: str, module: str) -> Plugin | Unusable:
    if not _FAMILY.fullmatch(family) or not _MODULE.fullmatch(module) or module.partition(".")[0] == _OWN:
        reason = "its entry point does not name a family and a Python package of its own"
        return _damaged(family, str(package), reason, f"{family[:80]} = {module[:80]}", 'acme = "osiris_acme"')
    folder = _specs_folder(distribution, module)
    if folder is None:
        where = f"{module.replace('.', '/')}/components"
        return _damaged(family, str(package), f"it has no folder {where}", f"{family} = {module}", where)
    return Plugin(family, package, module, folder)


def _damaged(name: str, package: str, reason: str, found: str = "", expected: str = "") -> Unusable:
    fix = f"install it again: pip install --force-reinstall {package.partition(' ')[0]}; or uninstall it"
    message = f"the package {package} cannot be used: {reason}"
    return Unusable(name, Diagnostic("SPC022", message, found=found, expected=expected, fix=fix))


def _specs_folder(distribution: Distribution, module: str) -> Path | None:
    """Return the folder of the specs: beside the metadata, or where Python would import from an editable install."""
    places = [Path(str(distribution.locate_file(module.replace(".", "/")))), *map(Path, _search(module))]
    return next((place / "components" for place in places if (place / "components").is_dir()), None)


def _search(module: str) -> Sequence[str]:
    """Return where a package lies, found without importing it or those it is in."""
    first, *rest = module.split(".")
    try:
        found = find_spec(first)  # of a name without a dot nothing is imported
        for name in rest:
            if found is None or found.submodule_search_locations is None:
                return ()
            found = PathFinder.find_spec(f"{found.name}.{name}", found.submodule_search_locations)
        return list(found.submodule_search_locations or ()) if found else ()
    except (ImportError, ValueError, OSError):
        return ()

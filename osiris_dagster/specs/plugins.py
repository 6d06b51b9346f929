"""Plugins in, the entries that they add to the catalogue out, and of what is not taken the reason. Nothing is imported.

A family belongs to one package. Whatever is wrong with one spec or package is a diagnostic that names the package, and
leaves all others as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.specs.catalogue import Entry, Unusable
from osiris_dagster.specs.installed import Plugin
from osiris_dagster.specs.lint import lint_spec
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.read import SPEC_FILE, place_name, read_spec_file, spec_from


def plugin_entries(plugins: Iterable[Plugin], taken: Iterable[str]) -> tuple[list[Entry], list[Unusable]]:
    """Return the components of the plugins; families that are `taken`, or that two packages bring, are refused."""
    by_family: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        by_family.setdefault(plugin.family, []).append(plugin)
    own = set(taken)
    found: list[Entry | Unusable] = []
    for family, bringing in sorted(by_family.items()):
        if family in own or len(bringing) > 1:
            found.append(_conflict(bringing, taken=family in own))
        else:
            found += [_entry(bringing[0], file) for file in spec_files(bringing[0])]
    refused = [each for each in found if isinstance(each, Unusable)]
    return [each for each in found if not isinstance(each, Unusable)], [*refused, *_unannounced(by_family)]


def spec_files(plugin: Plugin) -> list[Path]:
    """Return the spec files of a plugin's family."""
    return sorted(plugin.folder.glob(f"{plugin.family}.*/{SPEC_FILE}"))


def _conflict(plugins: Sequence[Plugin], *, taken: bool) -> Unusable:
    """Neither of two is used: which one it were would depend on the order of folders."""
    family = plugins[0].family
    names = " and ".join(str(plugin.package) for plugin in plugins)
    if taken:
        message = f"{names} brings the family {family}, which osiris-dagster has itself"
        fix = f"uninstall {plugins[0].package.name}, or ask its authors for another name"
    else:
        message = f"{names} bring the family {family}; none of them is used"
        fix = f"keep one of them: pip uninstall {plugins[-1].package.name}"
    finding = Diagnostic("SPC020", message, found=family, expected="a family that one package brings", fix=fix)
    return Unusable(family, finding)


def _entry(plugin: Plugin, file: Path) -> Entry | Unusable:
    """Return a component, checked more than those of the product, whose tests do that: others may be written badly."""
    name, shown = file.parent.name, place_name(file, plugin.package)
    try:
        faults = lint_spec(file, plugin.package)
        if faults:
            return _broken(plugin, name, faults)
        contents = read_spec_file(file, plugin.package)
        spec = replace(spec_from(contents, shown), package=plugin.package)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file of a package stops nothing else
        reason = f"it cannot be read: {type(error).__name__}"
        return _broken(plugin, name, [Diagnostic("SPC001", reason, place=Place(shown), fix="correct the spec")])
    return _foreign_code(plugin, spec, shown) or (spec, contents)


def _broken(plugin: Plugin, name: str, faults: Sequence[Diagnostic]) -> Unusable:
    first, more = faults[0], len(faults) - 1
    message = f"{name} of the package {plugin.package} is not used: {first.message}"
    message += f"; {more} more" if more else ""
    fix = f"see `osiris components lint`; install another version of {plugin.package.name}, or correct the spec there"
    return Unusable(name, replace(first, code="SPC021", message=message, fix=fix))


def _foreign_code(plugin: Plugin, spec: ComponentSpec, shown: str) -> Unusable | None:
    """Refuse a spec whose code is not in the package: its version would say nothing about what runs."""
    for what, target in (("driver", spec.driver), ("inspector", spec.inspector)):
        if target and not f"{target.partition(':')[0]}.".startswith(f"{plugin.module}."):
            finding = Diagnostic(
                "SPC023",
                f"{spec.name} of the package {plugin.package} is not used: its {what} is not of that package",
                place=Place(shown),
                path=f"x-runtime.{what}",
                found=target,
                expected=f"a class below {plugin.module}",
                fix=f"make a class of {plugin.module} that uses the other one, and name it in the spec",
            )
            return Unusable(spec.name, finding)
    return None


def _unannounced(by_family: dict[str, list[Plugin]]) -> list[Unusable]:
    """Return the specs in folders of plugins whose family no entry point of that package names."""
    announced = {(p.folder, p.family) for plugins in by_family.values() for p in plugins}
    found = []
    for plugin in {p.folder: p for plugins in by_family.values() for p in plugins}.values():
        for file in sorted(plugin.folder.glob(f"*/{SPEC_FILE}")):
            name = file.parent.name
            family = name.partition(".")[0]
            if (plugin.folder, family) not in announced:
                message = f"{name} of the package {plugin.package} is not used: no entry point names its family"
                finding = Diagnostic(
                    "SPC024",
                    message,
                    place=Place(place_name(file, plugin.package)),
                    found=family,
                    expected=f'{family} = "{plugin.module}"',
                    fix="add the entry point to the package, or name the folder for the family that it has",
                )
                found.append(Unusable(name, finding))
    return found

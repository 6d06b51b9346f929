"""Rules about the top level: version, name, required, forbidden and unknown keys, types."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import insert_before, replace_scalar, scalar_text
from osiris_dagster.oml.habits import TOP_ADVICE
from osiris_dagster.oml.keys import DOCUMENT, STEP
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.model import VERSIONS
from osiris_dagster.oml.names import name_fault
from osiris_dagster.oml.params import has_reference
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.meaning import fitting, meant_key, other_words
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import wrong_kinds
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.schema_faults import kind_of

FORBIDDEN = {
    "version": "the version of the dialect is `oml_version`",
    "connectors": "connections are named by the steps: config.connection",
    "tasks": "the work is in `steps`",
    "outputs": "what a pipeline writes is said by its writer steps",
}
_OUTLINE = "oml_version, name, steps"


@rule("OML020", "The document is not a mapping", example=f"a mapping with the keys {_OUTLINE}")
def not_a_mapping(context: Context) -> Iterator[Diagnostic]:
    """An OML document is a mapping at its top level.

    An empty file, a list or a lone text holds no pipeline.

    Wrong:
        - oml_version: "0.1.0"
        - name: orders

    Right:
        name: orders
    """
    value = context.document.value
    if context.document.whole and not isinstance(value, dict):
        found = "an empty document" if value is None else kind_of(value)
        yield context.at(
            (), "the document is not a mapping", found=found, expected=_OUTLINE, fix="begin with these three keys"
        )


@rule("OML021", "A required key is missing", example='oml_version: "0.1.0"')
def required_key(context: Context) -> Iterator[Diagnostic]:
    """A document has `oml_version`, `name` and `steps`.

    They say by which rules to read it, under which name its runs and assets appear, and what it does.

    Wrong:
        oml_version: "0.1.0"
        steps: []

    Right:
        oml_version: "0.1.0"
        name: orders
        steps:
          - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    for name, key in DOCUMENT.items():
        if key.required and isinstance(context.document.value, dict) and name not in context.body:
            near = did_you_mean(name, (k for k in context.body if k not in DOCUMENT))
            fix = f"add `{key.example}`" + (f" ({near})" if near else "")
            message = f"the key `{name}` is missing"
            edits = _version_line(context) if name == "oml_version" else ()
            yield context.at((), message, key=True, expected=key.example, fix=fix, example=key.example, edits=edits)


def _version_line(context: Context) -> tuple[Edit, ...]:
    """Return the change that says which version the document follows: the oldest that has all of its keys."""
    if not context.body or any(key in context.body for key in DOCUMENT["oml_version"].others):
        return ()
    first = next(iter(context.body))
    return insert_before(context.document, (first,), f'oml_version: "{_oldest(context)}"', safe=True)


def _oldest(context: Context) -> str:
    """Return the oldest version that has all keys of the document."""
    found = [key for _, key in _written(context)]
    return next(version for version in VERSIONS if all(key.stands_in(version) for key in found))


def _written(context: Context) -> Iterator[tuple[Path, Key]]:
    """Yield place and row of every known key of the document and of its steps."""
    yield from (((name,), key) for name, key in DOCUMENT.items() if name in context.body)
    for step in context.steps:
        yield from (((*step.path, name), key) for name, key in STEP.items() if name in step.body)


@rule("OML022", "A value of the wrong type", example="name: orders-daily")
def value_type(context: Context) -> Iterator[Diagnostic]:
    """`name` and `description` are text, `metadata` is a mapping, `steps` is a list.

    An optional key may be left empty, which is the same as leaving it out.

    Wrong:
        name: 2025

    Right:
        name: orders-2025
    """
    yield from wrong_kinds(context, DOCUMENT, (), context.body)


@rule("OML023", "A key of another dialect", example='oml_version: "0.1.0"')
def forbidden_key(context: Context) -> Iterator[Diagnostic]:
    """`version`, `connectors`, `tasks` and `outputs` belong to other formats and to early drafts.

    A document with one of them was written for something else: running it would leave out what they say.

    Wrong:
        version: 1

    Right:
        oml_version: "0.1.0"
    """
    for key, instead in FORBIDDEN.items():
        if key in context.body:
            words = other_words(DOCUMENT)
            fits = fitting(DOCUMENT, context.version)
            edits = meant_key(context, (key,), DOCUMENT, words, fits).edits if key in words else ()
            if key == "version" and edits:
                edits += replace_scalar(context.document, (key,), f'"{_oldest(context)}"', safe=True)
            yield context.at(
                (key,),
                f"the key `{key}` is not part of OML",
                key=True,
                expected=", ".join(DOCUMENT),
                fix=instead,
                edits=edits,
            )


@rule("OML024", "An unknown top-level key", advisory=True, example="metadata: {note: anything}")
def unknown_key(context: Context) -> Iterator[Diagnostic]:
    """Nothing reads this key, so what it says has no effect.

    Notes of your own belong under `metadata`.

    Wrong:
        ownr: [data@example.com]

    Right:
        owners: [data@example.com]
    """
    for key in context.body:
        if key not in DOCUMENT and key not in FORBIDDEN:
            fits = fitting(DOCUMENT, context.version)
            meant = meant_key(context, (key,), DOCUMENT, other_words(DOCUMENT), fits)
            yield context.at(
                (key,),
                f"the key `{key[:80]}` is not known and has no effect",
                key=True,
                expected=", ".join(DOCUMENT),
                fix=TOP_ADVICE.get(key) or meant.fix or "remove it, or move it under `metadata`",
                edits=() if key in TOP_ADVICE else meant.edits,
            )


@rule("OML025", "An unknown OML version", example='oml_version: "0.1.0"')
def oml_version(context: Context) -> Iterator[Diagnostic]:
    """`oml_version` says which rules the document follows. The versions are 0.1.0 and 0.2.0.

    A document of a newer version may ask for something that this product would silently leave out.

    Wrong:
        oml_version: 0.1

    Right:
        oml_version: "0.1.0"
    """
    value = context.body.get("oml_version")
    if "oml_version" in context.body and value not in VERSIONS:
        yield context.at(
            ("oml_version",),
            "this version of OML is not known",
            found=context.shown(("oml_version",), value),
            expected=" or ".join(f'"{version}"' for version in VERSIONS),
            fix=f'write oml_version: "{_version_meant(value) or VERSIONS[0]}"',
            edits=replace_scalar(
                context.document,
                ("oml_version",),
                f'"{_version_meant(value) or VERSIONS[0]}"',
                safe=bool(_version_meant(value)),
            ),
        )


def _version_meant(value: object) -> str:
    """Return the version that another spelling of it means: 0.1, "v0.1", "0.1.3"; empty for anything else."""
    text = str(value).strip().removeprefix("v")
    return next((version for version in VERSIONS if (text + ".").startswith(version.removesuffix("0"))), "")


@rule("OML026", "A key of OML 0.2 in a 0.1 document", example='oml_version: "0.2.0"')
def newer_key(context: Context) -> Iterator[Diagnostic]:
    """The key exists since OML 0.2.0, and the document says that it follows 0.1.0.

    Under 0.1.0 the key would mean nothing. Change the version line to use it.

    Wrong:
        oml_version: "0.1.0"
        owners: [data@example.com]

    Right:
        oml_version: "0.2.0"
        owners: [data@example.com]
    """
    if context.version == VERSIONS[-1]:
        return
    line = context.document.span(("oml_version",)).line
    for path, key in _written(context):
        if key.stands_in(context.version):
            continue
        wanted = f'oml_version: "{key.since}"'
        yield context.at(
            path,
            f"the key `{key.name}` exists since OML {key.since}, this document is {context.version}",
            key=True,
            expected=wanted,
            fix=f"write {wanted} in line {line}, or remove the key",
            edits=replace_scalar(
                context.document, ("oml_version",), f'"{key.since}"', safe=not _would_mean_more(context, key.since)
            ),
        )


def _would_mean_more(context: Context, version: str) -> bool:
    """Tell whether something that has no meaning in the document would get one in a later version."""
    idle = (key for key in DOCUMENT.values() if key.stands_in(context.version) and not key.means_in(context.version))
    return any(context.body.get(key.name) is not None and key.means_in(version) for key in idle)


@rule("OML027", "A name that cannot be used", example="name: orders-daily")
def unusable_name(context: Context) -> Iterator[Diagnostic]:
    """The pipeline's name becomes a folder and the first part of every asset key.

    So it is not empty, has at most 100 characters, no slash, no control character and no space at its ends, and is
    not `.` or `..`. `aiop`, `file` and `osiris_broken` are taken: they begin the keys of packages, of files and of
    broken pipelines.
    Parameters have no place in it, because a name that changes is another pipeline.

    Wrong:
        name: sales/orders

    Right:
        name: sales-orders
    """
    name = context.body.get("name")
    if not isinstance(name, str):
        return
    fault = "it holds a parameter" if has_reference(name) else name_fault(name, RESERVED)
    if fault:
        yield context.at(
            ("name",),
            f"the name cannot be used: {fault}",
            found=context.shown(("name",), name),
            expected="a name for a folder and an asset key",
            fix="use lower-case letters, digits and hyphens",
        )


RESERVED = frozenset({"aiop", "file", "osiris_broken"})


@rule("OML028", "A name that is not lower case with hyphens", advisory=True, example="name: orders-daily")
def naming(context: Context) -> Iterator[Diagnostic]:
    """Names of pipelines are lower-case letters, digits and hyphens.

    Another name works, but its folders and asset keys then carry a digest, which is hard to read and to type.

    Wrong:
        name: Orders Daily

    Right:
        name: orders-daily
    """
    name = context.body.get("name")
    if not isinstance(name, str) or name_fault(name, RESERVED) or has_reference(name):
        return
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    if not set(name) <= allowed or name.startswith("-"):
        plain = "-".join("".join(c if c in allowed else " " for c in name.lower()).split()).strip("-")
        yield context.at(
            ("name",),
            "the name is not written as lower-case words with hyphens",
            found=context.shown(("name",), name),
            expected="letters a to z, digits and hyphens",
            fix=f"write name: {plain}" if plain else "choose another name",
            edits=replace_scalar(context.document, ("name",), scalar_text(plain), safe=False) if plain else (),
        )


@rule(
    "OML029",
    "No steps",
    example="steps: [{id: a, component: duckdb.processor, mode: transform, config: {...}}]",
)
def no_steps(context: Context) -> Iterator[Diagnostic]:
    """A pipeline has at least one step.

    Without one nothing would run, and the run would count as a success.

    Wrong:
        steps: []

    Right:
        steps:
          - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    if context.body.get("steps") == []:
        yield context.at(("steps",), "the pipeline has no steps", expected="at least one step", fix="add a step")

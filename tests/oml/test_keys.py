"""The rows of keys: each is finished, read, and heeded by every stage; nothing reads a key without a row."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import field, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from osiris_dagster.codec import SPARSE
from osiris_dagster.compiler.manifest import Manifest, StepPlan
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.keys import CONFIG, DOCUMENT, PLACES, STEP
from osiris_dagster.oml.keys.key import TEXT, Key
from osiris_dagster.oml.keys.step import CHECKS
from osiris_dagster.oml.layout import formatted
from osiris_dagster.oml.model import VERSIONS, Pipeline, Step
from osiris_dagster.oml.rules import RULES
from osiris_dagster.oml.upgrade import upgrade
from osiris_dagster.oml.validate import Validation, validate
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.steps.identity import Identities
from tests.compiler.compiling import FACTS, compiled

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "osiris_dagster"
MODELS: Mapping[str, tuple[type, type]] = {"document": (Pipeline, Manifest), "step": (Step, StepPlan)}
TABLES: Mapping[str, Mapping[str, Key]] = {"document": DOCUMENT, "step": STEP}
CHECKING = " ".join(
    f"osiris_dagster.{name}" for name in ("steps.checks.step_checks", "compiler.checks", "oml.relationship")
)
ROWS = [pytest.param(where, key, id=f"{where} {key.name}") for where, keys in TABLES.items() for key in keys.values()]
OPTIONAL = [row for row in ROWS if not row.values[1].required]
TEXT_OF = {
    "document": 'oml_version: "{version}"\nname: orders\n{line}\nsteps:\n'
    "  - {{id: rows, component: duckdb.processor, mode: transform, config: {{query: select 1 as id}}}}\n",
    "step": 'oml_version: "{version}"\nname: orders\nsteps:\n'
    '  - {{id: orders, component: duckdb.processor, mode: transform, config: {{query: "select 1::bigint as id"}}}}\n'
    '  - {{id: customers, component: duckdb.processor, mode: transform, config: {{query: "select 1::bigint as id"}}}}\n'
    "  - id: rows\n    component: duckdb.{kind}\n    mode: {mode}\n    {line}\n    {config}\n",
}
OF_SOURCES = {"config", "incremental"}


def text_of(where: str, line: str, version: str = VERSIONS[-1]) -> str:
    """Return a document with one more line in it: at its top, or in its last step."""
    source = line.partition(":")[0] in OF_SOURCES
    config = (
        'config: {connection: "@duckdb.ops", table: orders}' if source else "config: {query: select * from df_orders}"
    )
    return TEXT_OF[where].format(
        version=version,
        line=line,
        kind="extractor" if source else "processor",
        mode="read" if source else "transform",
        config=""
        if line.startswith("config:")
        else config
        if source
        else f"needs: [orders]\n    {config}"
        if not line.startswith("needs:")
        else config,
    )


def check(text: str) -> Validation:
    return validate(text, "a.yaml", load_catalogue(), connections=FACTS)


# what makes a row whole


def named_in(module: str) -> set[str]:
    """Return all names of attributes and all texts in a module."""
    found = importlib.util.find_spec(module)  # type: ignore[attr-defined]
    tree = ast.parse(Path(found.origin).read_text("utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def unread(key: Key, modules: str, other: str = "") -> Iterator[str]:
    """Yield what is wrong about the readers of a key, which has another name in the model."""
    if not modules:
        yield "nobody reads it"
    for module in modules.split():
        if not named_in(f"osiris_dagster.{module.removeprefix('osiris_dagster.')}") & {key.name, key.manifest, other}:
            yield f"{module} does not read it"


def unfinished(where: str, key: Key) -> list[str]:
    """Return what a row lacks, or what lacks behind it."""
    written, planned = MODELS[where]
    wrong = [] if key.name in {f.name for f in fields(written)} else [f"{written.__name__} has no field {key.name}"]
    if key.manifest and key.manifest not in {field.name for field in fields(planned)}:
        wrong.append(f"{planned.__name__} has no field {key.manifest}")
    wrong += unread(key, key.read_by)
    wrong += [f"it has no {name}" for name in ("means", "example", "line") if not getattr(key, name)]
    if bool(key.rule) != bool(key.schema):
        wrong.append("its shape has no rule, or its rule no shape")
    for inner in key.keys:
        if not inner.not_yet and all(  # a warning says that nobody acts on it
            list(unread(inner, module, f"{inner.name}_update")) for module in (inner.read_by or key.read_by).split()
        ):
            wrong.append(f"nobody reads {inner.name}")
    return wrong


@pytest.mark.parametrize(("where", "key"), ROWS)
def test_a_row_is_finished(where, key):
    assert unfinished(where, key) == []


@pytest.mark.parametrize("where", TABLES)
def test_the_model_holds_nothing_without_a_row(where):
    written, _ = MODELS[where]

    assert {field.name for field in fields(written)} - {"file", "index"} == set(TABLES[where])


@pytest.mark.parametrize(("where", "key"), [row for row in ROWS if row.values[1].block])
def test_a_block_of_the_model_has_the_keys_of_its_row(where, key):
    translated = {"on": "on_update"} if key.name == "schedule" else {}
    held = {field.name for field in fields(key.block)} - {"options"}

    assert {translated.get(inner.name, inner.name) for inner in key.keys} == held


@pytest.mark.parametrize("kind", CHECKS)
def test_what_a_check_takes_is_read(kind):
    read = set().union(*map(named_in, CHECKING.split()))

    assert {key.name for key in CHECKS[kind].keys} - read == set()


@pytest.mark.parametrize("where", PLACES, ids=lambda path: ".".join(path) or "document")
def test_rows_of_a_place_agree(where):
    keys = PLACES[where].values()
    lines = [key.line for key in keys]
    words = [word for key in keys for word in (key.name, *key.others)]

    assert len(set(lines)) == len(lines)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(("where", "key"), OPTIONAL)
def test_an_example_is_sound_and_held_by_the_model(where, key):
    found = check(text_of(where, key.example))

    assert found.errors == ()
    held = found.pipeline if where == "document" else found.pipeline.steps[-1]
    plain = next(field for field in fields(MODELS[where][0]) if field.name == key.name)
    assert getattr(held, key.name) != plain.default
    assert getattr(held, key.name)


@pytest.mark.parametrize(("where", "key"), [row for row in ROWS if row.values[1].rule])
def test_a_value_of_another_shape_is_told_under_the_rule_of_its_row(where, key):
    found = check(text_of(where, f"{key.name}: true"))

    assert (key.rule, key.name) in {(finding.code, finding.path.rpartition(".")[2]) for finding in found.errors}
    assert key.rule in {rule.code for rule in RULES}


@pytest.mark.parametrize(("where", "key"), [row for row in OPTIONAL if row.values[1].manifest])
def test_a_manifest_carries_what_its_row_says_and_a_checkpoint_what_decides_on_rows(where, key):
    manifest = compiled(text_of(where, key.example)).manifest
    holder = manifest if where == "document" else manifest.steps[-1]
    plain = next(field for field in fields(type(holder)) if field.name == key.manifest).default
    bare = replace(holder, **{key.manifest: plain})
    if where == "step":
        bare = replace(manifest, steps=(*manifest.steps[:-1], bare))

    assert key.manifest in (manifest.to_json() if where == "document" else manifest.to_json()["steps"][-1])
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert bare.hash != manifest.hash
    assert (identity(bare) != identity(manifest)) == key.rows


def identity(manifest: Manifest) -> str:
    return Identities(manifest, partition="", full_refresh=False, isolated=False).of(manifest.steps[-1].id)


# who reads keys


def keys_named(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield place and name of each key that code reads from a text: `step.body["x"]`, `(*step.path, "x")`."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(ast.Attribute(ast.Attribute(ast.Name(owner), "body"), "get"), [ast.Constant(str(name)), *_])
                | ast.Subscript(ast.Attribute(ast.Name(owner), "body"), ast.Constant(str(name)))
                | ast.Compare(ast.Constant(str(name)), _, [ast.Attribute(ast.Name(owner), "body")])
            ):
                yield "document" if owner in ("context", "self") else "step", name
            case ast.Tuple([ast.Starred(ast.Attribute(ast.Name(_), "path")), ast.Constant(str(name)), *_]):
                yield "step", name
            case ast.Tuple([ast.Constant("steps"), _, ast.Constant(str(name)), *_]):
                yield "step", name
            case ast.Call(ast.Attribute(_, "at" | "place" | "span"), [ast.Tuple([ast.Constant(str(name)), *_]), *_]):
                yield "document", name
            case ast.Call(ast.Name("blocks" | "step_blocks" as of), [_, ast.Constant(str(name))]):
                yield "document" if of == "blocks" else "step", name


def unknown(source: str) -> list[tuple[str, str]]:
    return [(where, name) for where, name in keys_named(ast.parse(source)) if name not in TABLES[where]]


@pytest.mark.parametrize("room", ["oml", "compiler"])
def test_nothing_reads_a_key_without_a_row(room):
    modules = sorted((PACKAGE / room).rglob("*.py"))
    read = {pair for module in modules for pair in keys_named(ast.parse(module.read_text("utf-8")))}

    assert {
        module.name: unknown(module.read_text("utf-8")) for module in modules if unknown(module.read_text("utf-8"))
    } == {}
    assert len(read) > 5


@pytest.mark.parametrize(
    "source",
    [
        'context.body.get("colour")', 'step.body["colour"]', '"colour" in step.body', '(*step.path, "colour")',
        '("steps", 1, "colour")', 'document.place(("colour",), key=True)', 'blocks(context, "colour")',
        'step_blocks(context, "colour")',
    ],
)  # fmt: skip
def test_a_reader_of_a_key_without_a_row_is_found(source):
    assert [name for _, name in unknown(source)] == ["colour"]


# a key that is only a row, and one that is finished


COLOUR = Key(
    "colour", "The colour of its name.", "colour: red",
    line=55, since="0.2.0", shape=TEXT, words="hue", formerly="tint", manifest="colour", rows=True,
)  # fmt: skip
RULE = {"document": "OML093", "step": "OML094"}


@pytest.fixture(params=TABLES)
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place with one row more, and no other change."""
    monkeypatch.setitem(TABLES[request.param], "colour", replace(COLOUR, rule=RULE[request.param]))
    return str(request.param)


def test_a_key_that_is_only_a_row_is_known_to_rules_fixes_layout_upgrade_and_reference(where, monkeypatch):
    rule, path = RULE[where], "colour" if where == "document" else "steps[2].colour"
    told = {(finding.code, finding.path) for finding in check(text_of(where, "colour: 5")).errors}
    assert told == {(rule, path)}
    told = {(finding.code, finding.path) for finding in check(text_of(where, "colour: red", "0.1.0")).errors}
    assert told == {("OML026", path)}
    unknown_key = {finding.code: finding for finding in check(text_of(where, "xyz: 5")).diagnostics}
    assert unknown_key["OML024" if where == "document" else "OML033"].expected.endswith(", colour")

    assert "colour: 5" in fix(check(text_of(where, "hue: 5")), check).text
    if where == "step":
        assert "colour: red" in upgrade(compose(text_of(where, "tint: red"), "a.yaml")).text
    laid_out = [
        line.split(":")[0].strip() for line in formatted(compose(text_of(where, "colour: red"), "a.yaml")).splitlines()
    ]
    assert laid_out.index("colour") == laid_out.index("name" if where == "document" else "needs") + 1

    monkeypatch.syspath_prepend(ROOT / "docs")
    assert (
        "| `colour` | 0.2.0 | The colour of its name. | `colour: red` |"
        in importlib.import_module("oml_keys").keys_page()
    )


def test_a_key_that_is_only_a_row_is_refused_by_the_model_and_by_the_test_of_rows(where):
    written, planned = MODELS[where]

    with pytest.raises(TypeError, match="colour"):
        check(text_of(where, "colour: red"))
    assert unfinished(where, TABLES[where]["colour"]) == [
        f"{written.__name__} has no field colour",
        f"{planned.__name__} has no field colour",
        "nobody reads it",
    ]


def test_a_key_with_a_field_of_the_model_goes_into_manifest_and_checkpoint(where, monkeypatch):
    written, planned = (
        make_dataclass(
            model.__name__, [("colour", str, field(default="", metadata=SPARSE))], bases=(model,), frozen=True
        )
        for model in MODELS[where]
    )
    compiler = "compile" if where == "document" else "plan"
    monkeypatch.setattr(f"osiris_dagster.oml.parse.{written.__name__}", written)
    for module in (compiler, "manifest"):
        monkeypatch.setattr(f"osiris_dagster.compiler.{module}.{planned.__name__}", planned)

    red, blue, none = (compiled(text_of(where, line)).manifest for line in ("colour: red", "colour: blue", ""))

    assert said_of(red, where)["colour"] == "red"
    assert "colour" not in said_of(none, where)
    holder = red if where == "document" else red.steps[-1]
    assert type(holder).from_json(holder.to_json()) == holder
    assert len({manifest.hash for manifest in (red, blue, none)}) == 3
    assert (identity(red) != identity(blue)) == (where == "step")


def said_of(manifest: Manifest, where: str) -> dict[str, Any]:
    said = manifest.to_json()
    return said if where == "document" else said["steps"][-1]


def test_the_connection_is_the_one_key_of_a_config_that_no_component_declares():
    declared = {name for spec in load_catalogue() for name in spec.config_schema.get("properties", {})}

    assert set(CONFIG) & declared == set()

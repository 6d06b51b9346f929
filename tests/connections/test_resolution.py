"""Connections: where values come from and which goes before, what is never shown, and files that are malformed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from osiris_dagster.connections.project import load_connections
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project
from osiris_dagster.redaction import MASK

FILE = """
version: "1.0"
connections:
  mysql:
    shop:
      host: db.example.com
      port: 3306
      user: reader
      password: ${SHOP_PASSWORD}
      ssl: true
      description: Orders
      purpose: Source of the demo
      sla: 99.9 %
      identity: shop-db
      default: true
    archive: {host: old.example.com, password: plain-and-known, options: {token: nested-token, list: ["${SHOP_PASSWORD}", 1]}}
  duckdb:
    warehouse: {path: "${DATA:-data}/warehouse.duckdb"}
"""  # noqa: E501


def load(root: Path, text: str | None = FILE, env: Mapping[str, str] | None = None, **options: Any) -> Connections:
    if text is not None:
        (root / "osiris_connections.yaml").write_text(text)
    return load_connections(Project(root), env=env or {}, **options)


# -- facts -----------------------------------------------------------------------------------------------------------


def test_facts_need_no_variable_and_hold_no_value(tmp_path: Path) -> None:
    facts = load(tmp_path).facts
    assert [fact.reference for fact in facts] == ["@duckdb.warehouse", "@mysql.archive", "@mysql.shop"]
    shop = facts[2]
    assert (shop.default, shop.identity, shop.description) == (True, "shop-db", "Orders")
    assert (shop.purpose, shop.sla) == ("Source of the demo", "99.9 %")
    assert shop.fields == ("host", "password", "port", "ssl", "user")
    assert facts[0].default, "the only alias of a family is its default"
    assert not facts[1].default
    assert "plain-and-known" not in repr(facts)


def test_a_project_without_the_file_has_no_connections(tmp_path: Path) -> None:
    assert load(tmp_path, None).facts == ()
    assert load(tmp_path, "").facts == ()
    assert load(tmp_path, "connections:\n").facts == ()


# -- resolving -------------------------------------------------------------------------------------------------------


def test_a_reference_gives_the_fields_with_variables_filled_in(tmp_path: Path) -> None:
    known = load(tmp_path, env={"SHOP_PASSWORD": "s3cret"})
    assert known.resolve("@mysql.shop") == {
        "host": "db.example.com",
        "port": 3306,
        "user": "reader",
        "password": "s3cret",
        "ssl": True,
    }
    assert known.resolve("@mysql") == known.resolve("@mysql.shop")
    assert known.resolve("@mysql.archive")["options"] == {"token": "nested-token", "list": ["s3cret", 1]}
    assert known.resolve("@duckdb") == {"path": "data/warehouse.duckdb"}
    assert load(tmp_path, env={"DATA": "other"}).resolve("@duckdb") == {"path": "other/warehouse.duckdb"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: {x: 1}, default: {x: 2}}", 2),
        ("{a: {x: 1, default: true}, default: {x: 2}}", 1),
        ("{a: {x: 1}}", 1),
        ("{a: {x: 1, default: false}}", 1),
    ],
)
def test_the_default_alias_is_marked_or_named_or_the_only_one(tmp_path: Path, text: str, expected: int) -> None:
    assert load(tmp_path, f"connections: {{duckdb: {text}}}").resolve("@duckdb") == {"x": expected}


@pytest.mark.parametrize(
    ("reference", "code", "found"),
    [
        ("@mysql.shp", "CFG024", "@mysql.archive, @mysql.shop"),
        ("@postgres.shop", "CFG023", "duckdb, mysql"),
        ("@postgres", "CFG023", "duckdb, mysql"),
        ("mysql.shop", "CFG026", "@family.alias"),
        ("@mysql.", "CFG026", "@family.alias"),
        ("@my sql.x", "CFG026", "@family.alias"),
        ("", "CFG026", "@family.alias"),
    ],
)
def test_a_reference_that_means_nothing_lists_what_there_is(
    tmp_path: Path, reference: str, code: str, found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path).resolve(reference)
    assert caught.value.first.code == code
    assert caught.value.exit_code == 5
    assert found in caught.value.first.expected


def test_a_family_of_several_without_a_default_has_to_be_named(tmp_path: Path) -> None:
    known = load(tmp_path, "connections: {duckdb: {a: {x: 1}, b: {x: 2}}}")
    with pytest.raises(ConfigError, match="@duckdb could mean several") as caught:
        known.resolve("@duckdb")
    assert caught.value.first.expected == "@duckdb.a, @duckdb.b"


@pytest.mark.parametrize("env", [{}, {"SHOP_PASSWORD": ""}])
def test_a_variable_that_is_not_set_is_named_with_alias_and_field(tmp_path: Path, env: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"@mysql\.shop needs the variable SHOP_PASSWORD for its field `password`"):
        load(tmp_path, env=env).resolve("@mysql.shop")


# -- where values come from ------------------------------------------------------------------------------------------


def test_secrets_file_goes_before_environment_before_dotenv_before_default(tmp_path: Path) -> None:
    text = "connections: {duckdb: {a: {x: '${V:-default}'}}}"
    secrets = tmp_path / "secrets.env"
    secrets.write_text("V=from-secrets\n")

    def value(env: Mapping[str, str], secrets_file: str = "") -> Any:
        return load(tmp_path, text, env, secrets_file=secrets_file).resolve("@duckdb")["x"]

    assert value({}) == "default"
    (tmp_path / ".env").write_text("V=from-dotenv\n")
    assert value({}) == "from-dotenv"
    assert value({"V": ""}) == "from-dotenv"
    assert value({"V": "from-env"}) == "from-env"
    assert value({"V": "from-env"}, str(secrets)) == "from-secrets"


def test_variables_set_fields_of_an_alias_and_of_the_default_alias(tmp_path: Path) -> None:
    env = {
        "OSIRIS_CONN__MYSQL__ARCHIVE__HOST": "new.example.com",
        "OSIRIS_CONN__MYSQL__PASSWORD": "for-the-default",
        "OSIRIS_CONN__DUCKDB__OPS__PATH": "data/ops.duckdb",
        "OSIRIS_CONN__POSTGRES__HOST": "pg.example.com",
        "OSIRIS_CONN__MYSQL__SHOP__HOST": "",
        "OSIRIS_CONN__": "x",
        "OSIRIS_CONN__A__B__C__D": "x",
        "OSIRIS_CONN__MYSQL": "x",
        "SHOP_PASSWORD": "from-variable",
    }
    known = load(tmp_path, env=env)
    assert known.resolve("@mysql.archive")["host"] == "new.example.com"
    assert known.resolve("@mysql.shop")["password"] == "for-the-default"
    assert known.resolve("@mysql.shop")["host"] == "db.example.com"
    assert known.resolve("@duckdb.ops") == {"path": "data/ops.duckdb"}
    assert known.resolve("@postgres") == known.resolve("@postgres.default") == {"host": "pg.example.com"}
    assert [fact.reference for fact in known.facts] == [
        "@duckdb.ops",
        "@duckdb.warehouse",
        "@mysql.archive",
        "@mysql.shop",
        "@postgres.default",
    ]


def test_a_variable_that_sets_a_field_makes_the_one_in_the_file_needless(tmp_path: Path) -> None:
    known = load(tmp_path, env={"OSIRIS_CONN__MYSQL__SHOP__PASSWORD": "s3cret"})
    assert known.resolve("@mysql.shop")["password"] == "s3cret"


def test_an_alias_with_dashes_and_capitals_can_be_set_by_a_variable(tmp_path: Path) -> None:
    text = "connections: {duckdb: {Ops-EU: {path: a}}}"
    known = load(tmp_path, text, {"OSIRIS_CONN__DUCKDB__OPS_EU__PATH": "b"})
    assert known.resolve("@duckdb.Ops-EU") == {"path": "b"}
    assert len(known.facts) == 1


def test_the_file_is_the_one_named_then_the_variable_then_the_projects(tmp_path: Path) -> None:
    for name in ("named", "variable", "osiris_connections"):
        (tmp_path / f"{name}.yaml").write_text(f"connections: {{duckdb: {{a: {{x: {name}}}}}}}")
    env = {"OSIRIS_CONNECTIONS": str(tmp_path / "variable.yaml")}
    project = Project(tmp_path)

    def value(known: Connections) -> Any:
        return known.resolve("@duckdb.a")["x"]

    assert value(load_connections(project, file=str(tmp_path / "named.yaml"), env=env)) == "named"
    assert value(load_connections(project, env=env)) == "variable"
    assert value(load_connections(project, env={})) == "osiris_connections"


@pytest.mark.parametrize("option", ["file", "secrets_file"])
def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot read missing\.yaml") as caught:
        load(tmp_path, None, **{option: str(tmp_path / "missing.yaml")})
    assert caught.value.first.code == "CFG020"
    assert str(tmp_path) not in str(caught.value)


# -- secrets ---------------------------------------------------------------------------------------------------------


def test_what_was_resolved_from_variables_or_secret_fields_is_redacted(tmp_path: Path) -> None:
    env = {"SHOP_PASSWORD": "from-variable", "OSIRIS_CONN__MYSQL__SHOP__USER": "user-from-variable"}
    known = load(tmp_path, env=env, secret_fields={"mysql": ["host"]})
    text = "from-variable user-from-variable plain-and-known nested-token old.example.com db.example.com reader"
    assert known.redactor.text(text) == text
    known.resolve("@mysql.shop")
    known.resolve("@mysql.archive")
    masked = known.redactor.text(text)
    assert masked == f"{MASK} {MASK} {MASK} {MASK} {MASK} {MASK} reader"


def test_nothing_secret_is_in_any_representation(tmp_path: Path) -> None:
    known = load(tmp_path, env={"SHOP_PASSWORD": "s3cret", "OSIRIS_CONN__MYSQL__ARCHIVE__TOKEN": "t0ken"})
    shown = repr(known) + str(known.facts) + repr(vars(known)["_overrides"]) + repr(vars(known)["_aliases"])
    assert "s3cret" not in shown
    assert "t0ken" not in shown
    assert "plain-and-known" not in shown
    assert repr(known) == "Connections(@duckdb.warehouse, @mysql.archive, @mysql.shop)"


# -- malformed files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("connections: [a, b]", 1, "`connections` is not a mapping"),
        ("- a", 1, "the file is not a mapping"),
        ("just text", 1, "the file is not a mapping"),
        ("connection: {}", 1, "the key `connection` is not known here"),
        ("connections:\n  duckdb: text", 2, "`duckdb` is not a mapping"),
        ("connections:\n  duckdb:\n    a: text", 3, "`a` is not a mapping"),
        ("connections:\n  duckdb:\n    a: {default: maybe}", 3, "`default` is neither true nor false"),
        ("connections:\n  duckdb:\n    a: {sla: [1]}", 3, "`sla` is not text"),
        ("connections:\n  duckdb:\n    a: {default: true}\n    b: {default: true}", 3, "several defaults"),
        ("connections:\n  duckdb:\n    a: {}\n    a: {}", 4, "the key `a` of `duckdb` stands twice"),
        ("connections:\n  duckdb: {a: &x {}}\n  mysql: {<<: *x}", 3, "merge keys are not read"),
        ("connections:\n  duckdb: {[a]: {}}", 2, "a key is not a name"),
        ("connections:\n  duckdb: {2024: {}}", 2, "a key is not a name"),
        ("connections:\n  duckdb: {'': {}}", 2, "a key of `duckdb` is not a name"),
        ("connections: {}\nconnections: {}", 2, "the key `connections` of the file stands twice"),
        ("connections:\n  duckdb: {a: {x: 1, x: 2}}", 2, "the key `x` of `a` stands twice"),
        ("connections:\n  duckdb: {a: {x: {y: 1, y: 2}}}", 2, "the key `y` of the value stands twice"),
        ("connections:\n  duckdb: {a: {x: .inf}}", 2, "a number is not finite"),
        ("connections:\n  duckdb:\n    a: {x: !!python/object:os.system s3cret}", 3, "a tag is not allowed"),
        ("connections:\n  duckdb:\n\ta: {}", 3, "not YAML"),
        ("connections: {a: [", 1, "not YAML"),
        ("a: b\n---\nc: d", 2, "not YAML"),
        ("connections: {a: {b: {c: " + "[" * 20 + "]" * 20 + "}}}", 1, "too deep"),
        ("#" * 1_000_001, 1, "more than 1000000 characters"),
    ],
)
def test_a_malformed_file_is_an_error_with_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError, match="osiris_connections") as caught:
        load(tmp_path, text)
    first = caught.value.first
    assert first.code == "CFG021"
    assert first.place is not None
    assert (first.place.file, first.place.line) == ("osiris_connections.yaml", line)
    assert message in first.message
    assert "s3cret" not in str(caught.value)


def test_a_file_that_grows_by_its_aliases_is_refused_before_it_has_grown(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    text = "connections: {duckdb: {a: {" + ", ".join(lines) + "}}}"
    with pytest.raises(ConfigError, match="too deep or too large"):
        load(tmp_path, text)


def test_text_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "osiris_connections.yaml").write_bytes(b"connections: {a: \xff}")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        load(tmp_path, None)


def test_values_have_the_types_of_yaml_1_2_and_everything_else_is_text(tmp_path: Path) -> None:
    values = 'a: 1, b: 1.5, c: "1", d: true, e: null, f: no, g: 2020-01-01, h: 012, i: 0x1F, j: 12:30:00, k: ~, l: -7'
    values += ", m: +5, n: .5, o: True, p: 1_000"
    found = load(tmp_path, f"connections: {{duckdb: {{x: {{{values}}}}}}}").resolve("@duckdb")
    assert found == {
        "a": 1,
        "b": 1.5,
        "c": "1",
        "d": True,
        "e": None,
        "f": "no",
        "g": "2020-01-01",
        "h": "012",
        "i": 31,
        "j": "12:30:00",
        "k": None,
        "l": -7,
        "m": 5,
        "n": 0.5,
        "o": True,
        "p": "1_000",
    }


@pytest.mark.parametrize("name", [".env", "secrets.env"])
@pytest.mark.parametrize(
    "line", ["no variable s3cret", "1A=s3cret", "A='s3cret", 'A="s3cret', "=s3cret", "A='x's3cret"]
)
def test_a_malformed_line_of_variables_is_named_and_not_repeated(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(f"# fine\nOK=1\n{line}\n")
    options = {"secrets_file": str(tmp_path / name)} if name != ".env" else {}
    with pytest.raises(ConfigError, match=f"{name}:3") as caught:
        load(tmp_path, **options)
    assert caught.value.first.code == "CFG027"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("V=plain", "plain"),
        ("  export V = spaced  ", "spaced"),
        ("V=a b # comment", "a b"),
        ("V=#hash", "#hash"),
        ("V=a#b", "a#b"),
        ("V= # only a comment", None),
        ("V='single $x \\n # kept' # comment", "single $x \\n # kept"),
        ('V="two\\nlines \\"quoted\\" \\\\"', 'two\nlines "quoted" \\'),
        ("V=a=b=c", "a=b=c"),
        ("V=first\nV=last", "last"),
    ],
)
def test_variables_are_read_as_people_write_them(tmp_path: Path, line: str, value: str | None) -> None:
    (tmp_path / ".env").write_text(f"\ufeff{line}\r\n" if "\n" not in line else line)
    known = load(tmp_path, "connections: {duckdb: {a: {x: '${V:-unset}'}}}")
    assert known.resolve("@duckdb") == {"x": value or "unset"}

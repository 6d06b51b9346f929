"""SQL that a source runs, as data: what is refused and why, and which tables the rest reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.dialects.dialect import Dialect, Dialects

from osiris_dagster.compiler.source_lineage import source_lineage
from osiris_dagster.compiler.sources import CODES
from osiris_dagster.sql.dialects import known_dialects
from osiris_dagster.sql.judge import tables_in
from osiris_dagster.sql.refusal import SqlRefusedError
from osiris_dagster.sql.sqlglot_reader import path_of, read_statement
from tests.sampling import examples

CASES = yaml.safe_load((Path(__file__).parent / "source_sql.yaml").read_text("utf-8"))
REFUSED = [
    (dialect, code, sql, section == "refused_conditions")
    for section in ("refused", "refused_conditions")
    for dialect, codes in CASES[section].items()
    for code, texts in codes.items()
    for sql in texts
]
ACCEPTED = [
    (dialect, case["sql"], case["tables"], section == "accepted_conditions")
    for section in ("accepted", "accepted_conditions")
    for dialect, cases in CASES[section].items()
    for case in cases
]


@pytest.mark.parametrize(("dialect", "code", "sql", "condition"), REFUSED)
def test_what_does_more_than_read_is_refused_with_its_reason(dialect, code, sql, condition):
    with pytest.raises(SqlRefusedError) as caught:
        tables_in(sql, dialect, condition=condition)
    fault = caught.value
    assert CODES[fault.kind] == code
    assert_told(fault, sql)


@pytest.mark.parametrize("sql", CASES["refused_everywhere"])
def test_what_writes_is_refused_in_every_dialect_that_a_new_family_may_name(sql):
    accepted = [dialect for dialect in sorted(known_dialects()) if not is_refused(sql, dialect)]
    assert accepted == []


def is_refused(sql: str, dialect: str) -> bool:
    try:
        tables_in(sql, dialect)
    except SqlRefusedError:
        return True
    return False


def test_the_dialects_are_those_of_sqlglot():
    assert {known.value for known in Dialects if known.value} <= known_dialects()
    assert all(Dialect.get(name) for name in known_dialects())


def test_a_dialect_that_sqlglot_does_not_know_is_a_fault_and_no_crash():
    with pytest.raises(SqlRefusedError) as caught:
        tables_in("select 1", "postgresql")
    assert caught.value.kind == "not_understood"
    assert "postgresql" in caught.value.message


@pytest.mark.parametrize(("dialect", "sql", "tables", "condition"), ACCEPTED)
def test_honest_sql_is_accepted_and_its_tables_are_known(dialect, sql, tables, condition):
    assert tables_in(sql, dialect, condition=condition) == tuple(map(tuple, tables))


@pytest.mark.parametrize(("dialect", "sql", "tables", "condition"), [case for case in ACCEPTED if not case[3]])
@pytest.mark.parametrize("names", [None, ("a", "b")], ids=["unknown names", "known names"])
def test_lineage_of_honest_sql_names_no_table_but_those_it_reads(dialect, sql, tables, condition, names):
    try:
        tree = read_statement(sql, dialect)
    except SqlRefusedError:
        assert dialect == "duckdb"  # which has forms that its own parser alone knows
        return
    found = source_lineage(tree, names, lambda table: path_of(table, dialect), dialect) or ()
    assert {source.dataset for column in found for source in column.sources} <= set(map(tuple, tables))


def test_there_are_enough_cases_of_both_kinds():
    assert len(REFUSED) >= 60
    assert len(ACCEPTED) >= 40


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "duckdb"])
def test_sql_that_is_too_deep_is_refused(dialect):
    with pytest.raises(SqlRefusedError) as caught:
        tables_in("select " + "(" * 5000 + "1" + ")" * 5000, dialect)
    assert caught.value.kind == "not_understood"


def test_a_refusal_prints_nothing():
    code = (
        "from osiris_dagster.sql.judge import tables_in\n"
        "try: tables_in('with x as (vacuum t) select 1', 'postgres')\n"
        "except Exception as fault: assert type(fault).__name__ == 'SqlRefusedError'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_sqlglot_is_loaded_only_for_sql_of_a_dialect_that_needs_it():
    code = (
        "import sys; from osiris_dagster.compiler.compile import compile_pipeline;"
        "import osiris_dagster.drivers.mysql, osiris_dagster.drivers.postgres, osiris_dagster.drivers.supabase;"
        "import osiris_dagster.drivers.duckdb, osiris_dagster.specs.lint as lint; lint.known_dialects();"
        "from osiris_dagster.sql.judge import tables_in; tables_in('select 1', 'duckdb');"
        "assert not any(name.startswith('sqlglot') for name in sys.modules);"
        "tables_in('select 1', 'mysql'); assert 'sqlglot' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


PIECES = st.sampled_from(
    'select from where with x as ( ) , ; \' " ` /* */ -- # \\ $$ $t$ :: ? @a := U&" /*! /*+ union insert into t values '
    "delete for update a 1 'b' \"c\" `d` *".split()
)


@pytest.mark.matrix
@settings(deadline=None, max_examples=examples(150))
@given(st.lists(PIECES, max_size=25), st.sampled_from(["mysql", "postgres", "duckdb"]), st.booleans())
def test_any_text_is_read_or_refused_and_nothing_else(pieces, dialect, condition):
    text = " ".join(pieces)
    try:
        assert isinstance(tables_in(text, dialect, condition=condition), tuple)
    except SqlRefusedError as fault:
        assert_told(fault, text)


def assert_told(fault: SqlRefusedError, text: str) -> None:
    assert fault.message
    assert fault.fix
    assert fault.offset is None or 0 <= fault.offset <= len(text)

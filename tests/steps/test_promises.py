import pyarrow as pa
import pytest

from osiris_dagster.arrow import schema_of
from osiris_dagster.columns import Column
from osiris_dagster.compiler.manifest import StepPlan
from osiris_dagster.drivers.base import WriteReport
from osiris_dagster.errors import RunError
from osiris_dagster.steps.meter import Meter
from osiris_dagster.steps.promises import check_write, kept_columns

PROMISED = (Column("id", "int64"), Column("name", "string"), Column("amount", "decimal(12,2)", nullable=False))


def plan(columns=PROMISED) -> StepPlan:
    return StepPlan("orders", "mem.extractor", "1", "extractor", {}, columns=columns)


def changed(**types: str | None) -> pa.Schema:
    """The promised schema with other types, without the columns set to None, with new ones at the end."""
    merged = {**{column.name: column.type for column in PROMISED}, **types}
    return schema_of(tuple(Column(name, kind) for name, kind in merged.items() if kind))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (changed(name=None), "column 'name' is missing"),
        (changed(extra="date"), "column 'extra' is new"),
        (changed(id="int32"), "column 'id' is int32 instead of int64"),
        (changed(amount="decimal(12,3)"), r"column 'amount' is decimal\(12,3\) instead of decimal\(12,2\)"),
        (changed(id=None, name="date", x="bool"), "'id' is missing; column 'x' is new; column 'name' is date instead"),
        (schema_of(PROMISED[::-1]), "the order is amount, name, id instead of id, name, amount"),
        (changed(**{f"c{i}": "date" for i in range(12)}), "column 'c9' is new; 2 more differences \\("),
    ],
)
def test_columns_other_than_compiled_are_named_with_the_way_out(schema, message):
    with pytest.raises(
        RunError, match=f"the rows of step 'orders' are not those it was compiled for: .*{message}"
    ) as e:
        kept_columns(plan(), schema)
    assert e.value.first.code == "RUN012"
    assert "osiris compile --online" in e.value.first.fix
    assert e.value.first.expected == "id int64, name string, amount decimal(12,2)"


def test_null_or_not_null_is_no_difference_and_layouts_of_one_type_are_equal():
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("name", pa.dictionary(pa.int32(), pa.large_string())),
            pa.field("amount", pa.decimal128(12, 2)),
        ]
    )
    assert [column.nullable for column in kept_columns(plan(), schema)] == [False, True, True]


def test_any_columns_are_kept_when_none_were_promised():
    assert kept_columns(plan(None), changed(extra="date"))[-1] == Column("extra", "date")


def test_a_step_that_was_compiled_for_no_columns_does_not_pass_with_some():
    with pytest.raises(RunError, match="column 'id' is new"):
        kept_columns(plan(()), changed())


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (pa.schema([]), "hands on rows with no columns"),
        (pa.schema([("a", pa.int8()), ("a", pa.int8())]), "hands on rows with two columns named 'a'"),
        (pa.schema([("a", pa.run_end_encoded(pa.int32(), pa.int8()))]), "column 'a' of step 'orders' has the type"),
    ],
)
def test_columns_that_nobody_could_read_are_refused(schema, message):
    with pytest.raises(RunError, match=message) as caught:
        kept_columns(plan(None), schema)
    assert caught.value.first.code == "RUN013"


def written(rows: int, received: int, *notes: str, read_to_end: bool = True) -> None:
    meter = Meter("load")
    meter.pull_ends(received)
    step = StepPlan("load", "mem.writer", "1", "writer", {})
    check_write(step, WriteReport(rows, notes=notes), meter, read_to_end=read_to_end)


@pytest.mark.parametrize(
    ("rows", "received", "notes", "read_to_end"),
    [
        (5, 5, (), True),
        (0, 0, (), True),
        (4, 5, ("1 duplicate dropped",), True),
        (5, 0, ("committed before by run r",), False),
        (5, 2, ("committed before by run r",), False),
    ],
)
def test_a_write_that_accounts_for_every_row_passes(rows, received, notes, read_to_end):
    written(rows, received, *notes, read_to_end=read_to_end)


@pytest.mark.parametrize(
    ("rows", "received", "notes", "read_to_end", "found"),
    [
        (0, 5, (), True, "with 0 rows written and 5 received \\("),
        (4, 5, (), True, "with 4 rows written and 5 received \\("),
        (6, 5, (), True, "with 6 rows written and 5 received \\("),
        (6, 5, ("one more",), True, "with 6 rows written and 5 received \\("),
        (0, 0, (), False, "with 0 rows written and 0 received, without reading its input to the end \\("),
        (2, 2, (), False, "with 2 rows written and 2 received, without reading its input to the end \\("),
    ],
)
def test_a_success_that_does_not_account_for_every_row_is_refused(rows, received, notes, read_to_end, found):
    with pytest.raises(RunError, match=f"mem.writer reported success for step 'load' {found}") as caught:
        written(rows, received, *notes, read_to_end=read_to_end)
    assert caught.value.first.code == "RUN014"

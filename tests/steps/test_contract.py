import pyarrow as pa
import pytest

from osiris_dagster.columns import Column

CHAIN = "a extractor\nb processor < a\nc writer < b"
N = Column("n", "int64", nullable=False)


@pytest.mark.parametrize("step", ["a", "b", "c"])
@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ((Column("m", "int64"),), "column 'm' is missing; column 'n' is not declared"),
        ((Column("n", "string"),), "column 'n' is int64 instead of string"),
        ((N, Column("m", "date")), "column 'm' is missing"),
    ],
)
def test_columns_that_are_known_at_the_start_of_the_run_are_held_to_those_declared(lab, step, contract, message):
    outcome = lab.run(lab.manifest(CHAIN, **{step: {"contract": contract}}))
    error = outcome.failures[step].error
    assert error.code == "RUN053"
    assert message in error.message
    assert lab.written("c") is None


@pytest.mark.parametrize("step", ["a", "b", "c"])
def test_rows_that_keep_the_contract_pass(lab, step):
    assert set(lab.run(lab.manifest(CHAIN, **{step: {"contract": (N,)}})).statuses.values()) == {"ok"}
    assert lab.written("c") == [1, 2, 3]


@pytest.mark.parametrize("step", ["a", "c"])
@pytest.mark.parametrize("known", [(Column("n", "int64"),), None])
def test_the_first_null_in_a_column_that_has_none_stops_the_write(lab, step, known):
    batches = [pa.record_batch({"n": pa.array(values, pa.int64())}) for values in ([1, 2], [3, None, None])]
    lines = "a extractor\nc writer < a"
    more = {"a": {"config": {"batches": batches}, "columns": known}, "c": {"columns": known}}
    more[step]["contract"] = (N,)
    outcome = lab.run(lab.manifest(lines, **more))
    assert outcome.statuses[step] == "failed"
    error = outcome.failures[step].error
    assert (error.code, error.message) == ("RUN054", f"column 'n' of step {step!r} has no value in row 4")
    assert lab.written("c") is None


def test_a_null_that_no_later_step_reads_is_found_too(lab):
    batches = [pa.record_batch({"n": pa.array([None], pa.int64()), "m": pa.array([1], pa.int64())})]
    columns = (Column("n", "int64"), Column("m", "int64"))
    lines = "a extractor\nb processor < a\nc writer < b"
    sql = {"component": "sql.processor", "config": {"query": "select m as n from df_a"}}
    config = {"schema": batches[0].schema, "batches": batches}
    contract = (N, Column("m", "int64"))
    outcome = lab.run(lab.manifest(lines, a={"config": config, "columns": columns, "contract": contract}, b=sql))
    assert outcome.failures["a"].error.code == "RUN054"
    assert lab.written("c") is None

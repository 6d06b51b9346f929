from itertools import permutations

from osiris_dagster.assets.lineage import lineage_of
from osiris_dagster.compiler.manifest import Dataset, Manifest, StepPlan


def table(name):
    return Dataset(("duckdb", "warehouse", "main", name))


def pipeline(name, *, reads, writes):
    return Manifest(
        pipeline=name,
        file=f"pipelines/{name}.yaml",
        oml_version="0.2.0",
        steps=(
            StepPlan("in", "duckdb.extractor", "1.0.0", "extractor", {}, reads=tuple(map(table, reads))),
            StepPlan("out", "duckdb.writer", "1.0.0", "writer", {}, needs=("in",), writes=tuple(map(table, writes))),
        ),
    )


def edges(lineage):
    return {(w.pipeline, d.key[-1]) for d, writers in lineage.writers.items() for w in writers}


def test_a_table_depends_on_every_pipeline_that_writes_it():
    lineage = lineage_of([pipeline("p", reads=["a"], writes=["b"]), pipeline("q", reads=["c"], writes=["b"])])
    assert edges(lineage) == {("p", "b"), ("q", "b")}
    assert lineage.left_out == ()
    assert [d.key[-1] for d in lineage.datasets] == ["a", "b", "c"]


def test_a_table_that_a_pipeline_reads_and_writes_loses_one_edge():
    lineage = lineage_of([pipeline("p", reads=["a"], writes=["a", "b"])])
    assert edges(lineage) == {("p", "b")}
    assert [(w.pipeline, w.dataset.key[-1]) for w in lineage.left_out] == [("p", "a")]


def test_a_sync_in_both_directions_keeps_one_of_them():
    lineage = lineage_of([pipeline("there", reads=["a"], writes=["b"]), pipeline("back", reads=["b"], writes=["a"])])
    assert edges(lineage) == {("back", "a")}
    assert [w.pipeline for w in lineage.left_out] == ["there"]


def test_the_order_of_the_files_does_not_matter():
    folder = [
        pipeline("p", reads=["a"], writes=["b"]),
        pipeline("q", reads=["b"], writes=["c"]),
        pipeline("r", reads=["c"], writes=["a"]),
    ]
    found = {(frozenset(edges(x)), x.left_out) for x in map(lineage_of, permutations(folder))}
    assert len(found) == 1


def test_a_long_chain_of_pipelines_needs_no_recursion():
    chain = [pipeline(f"p{n:05}", reads=[f"t{n}"], writes=[f"t{n + 1}"]) for n in range(1500)]
    assert lineage_of(chain).left_out == ()

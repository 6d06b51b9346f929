"""A manifest in, Dagster assets, jobs and lineage out."""

"""How manifests appear in Dagster: assets, jobs, checks, lineage, partitions and schedules."""

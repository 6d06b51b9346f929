"""Drivers move Arrow batches between stores and steps. Plain classes, no Dagster."""

"""Dagster's event log in, plain run records out."""

"""Reads runs back from Dagster's event log, as plain records that need no Dagster."""

"""Run the steps of a manifest: open, stream, check, write, report. No Dagster."""

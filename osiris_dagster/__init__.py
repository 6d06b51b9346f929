"""Pipelines written as OML, run as Dagster assets, explained after every run by an AI Operation Package."""

__version__ = "0.1.0"

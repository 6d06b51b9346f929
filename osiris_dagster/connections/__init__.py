"""Connections of a project: their file, variables and secrets; whether they answer, and what they hold."""

"""Packages on disk: one folder each, an index of all, and what may go."""

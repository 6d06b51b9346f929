"""Data checks while rows stream: what is known of a column as it passes, the rest from a table on disk."""

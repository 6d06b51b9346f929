"""Rows of a MySQL result as Arrow batches, decoded a block of the stream at a time, one column after another."""

"""Compiles a valid pipeline and the named inputs beside it to a manifest: equal inputs, equal bytes."""

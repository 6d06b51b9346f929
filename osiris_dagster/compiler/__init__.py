"""A valid model and named inputs in, a deterministic manifest out."""

"""The files of a package beside its core, all made from the same model."""

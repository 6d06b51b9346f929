"""A package in, the same facts in the forms of other tools out."""

"""The parts of the document, one a file: facts in, nodes out."""

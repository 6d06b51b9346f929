"""The parts of the document, one a file, each made from the same scope; `build` puts them together."""

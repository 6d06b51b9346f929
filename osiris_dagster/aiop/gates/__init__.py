"""The gates between building a package and calling it valid: bytes in, findings out; no gate alone is enough."""

"""The gates that a document passes before it is called valid; no gate alone is enough."""

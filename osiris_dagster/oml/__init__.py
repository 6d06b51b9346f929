"""OML: text in, a model or diagnostics out."""

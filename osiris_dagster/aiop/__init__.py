"""A run record and its manifest in, an AI Operation Package out."""

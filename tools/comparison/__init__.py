"""Two checkouts over the same material: cases in, differences out. See `tools/compare.py`."""

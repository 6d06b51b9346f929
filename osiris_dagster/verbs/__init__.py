"""What anyone may ask of the product: one verb a file, typed in and out."""

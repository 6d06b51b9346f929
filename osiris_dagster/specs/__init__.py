"""Component specs: what each component accepts, can do and touches. Data in, checked data out."""

"""A bookshop: what was sold, what sells best, and a letter about it."""

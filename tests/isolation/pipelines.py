"""The pipeline of these tests, with either isolation, and what its rows must be."""

from __future__ import annotations

PIPELINE = """\
oml_version: "0.2.0"
name: wide
description: Orders of each customer, and the large ones.
execution: {EXECUTION}
steps:
  - id: orders
    component: duckdb.extractor
    mode: read
    checks: [{type: row_count, min: 1}, {type: not_null, column: customer}]
    config: {connection: "@duckdb", table: orders}
  - id: names
    component: duckdb.extractor
    mode: read
    config: {connection: "@duckdb", query: "select 'ann' as customer, 'Ann' as name, 1 as unread"}
  - id: per customer
    component: duckdb.processor
    mode: transform
    needs: [orders, names]
    config:
      query: |
        select customer, any_value(name) as name, sum(amount) as total
        from df_orders left join df_names using (customer) group by customer order by customer
  - id: large
    component: duckdb.processor
    mode: transform
    needs: [orders]
    config: {query: "select id, amount from df_orders where amount > 2 order by id"}
  - id: totals
    component: duckdb.writer
    mode: write
    needs: [per customer]
    config: {connection: "@duckdb.warehouse", table: totals, write_mode: append}
  - id: file
    component: filesystem.csv_writer
    mode: write
    needs: [large, totals]
    config: {path: output/large.csv}
""".replace("needs: [large, totals]", "needs: [large]")
STEPS = ("orders", "names", "per customer", "large", "totals", "file")
TOTALS = [("ann", "Ann", 11.75), ("bob", None, 4.0)]
LARGE = "id,amount\n1,10.50\n2,4.00\n"


def wide(execution: str = "isolation: step", *, name: str = "wide", text: str = PIPELINE) -> str:
    """Return the OML text with these settings of `execution`."""
    return text.replace("{EXECUTION}", "{" + execution + "}").replace("name: wide", f"name: {name}")

"""The statements that put staged rows into a table. An upsert is ON CONFLICT, or two steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from osiris_dagster.sql.quoting import listed, quoted


def insert(table: str, values: Mapping[str, str], source: str, overriding: str = "") -> str:
    """Return the statement that adds rows of `source`; `values` has an expression for each column, all in SQL."""
    return f"insert into {table} ({', '.join(values)}){overriding} select {', '.join(values.values())} from {source}"


@dataclass(frozen=True, slots=True)
class Insertion:
    """The statements for one table. The rows come from `stage`, which they call `s`."""

    table: str
    stage: str
    targets: Mapping[str, str]  # column of the rows -> of the table
    values: Mapping[str, str]  # column of the rows -> its value in SQL
    overriding: str = ""  # what stands between columns and values
    renamed: str = " t"  # how UPDATE calls the table `t`

    def insert(self, condition: str = "", order: Sequence[str] = ()) -> str:
        """Return the statement that adds the staged rows."""
        values = {quoted(self.targets[source]): value for source, value in self.values.items()}
        ordered = f" order by {listed(order, 's')}" if order else ""
        return insert(self.table, values, f"{self.stage} s{condition}{ordered}", self.overriding)

    def upsert(self, keys: Sequence[str], *, unique: bool) -> Iterator[str]:
        """Yield the statements; `unique` tells that the table itself keeps the keys so."""
        return self._by_index(keys) if unique else self._by_lookup(keys)

    def _by_index(self, keys: Sequence[str]) -> Iterator[str]:
        updated = ", ".join(f"{quoted(target)} = excluded.{quoted(target)}" for target in self._others(keys).values())
        action = f"do update set {updated}" if updated else "do nothing"
        named = listed(self.targets[key] for key in keys)
        yield f"{self.insert(order=keys)} on conflict ({named}) {action}"

    def _by_lookup(self, keys: Sequence[str]) -> Iterator[str]:
        """Rows of unknown keys are added after the known ones changed."""
        same = " and ".join(f"t.{quoted(self.targets[key])} = {self.values[key]}" for key in keys)
        others = self._others(keys).items()
        updated = ", ".join(f"{quoted(target)} = {self.values[source]}" for source, target in others)
        if updated:
            yield f"update {self.table}{self.renamed} set {updated} from {self.stage} s where {same}"
        yield self.insert(f" where not exists (select 1 from {self.table} t where {same})")

    def _others(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {source: target for source, target in self.targets.items() if source not in keys}

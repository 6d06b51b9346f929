"""The order of steps and the names of their rows: pure functions over steps, none of them recursive."""

from __future__ import annotations

import heapq
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from osiris_dagster.canonical import sha256
from osiris_dagster.errors import OmlError
from osiris_dagster.oml.model import Step

Needs = Mapping[str, Sequence[str]]
_NOT_WORD = re.compile(r"\W", re.ASCII)


def topological(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return the steps so that each comes after its needs; steps free to move keep the order of the text.

    Needs that name no step are ignored. OmlError when the steps form a cycle.
    """
    by_id = {step.id: step for step in steps}
    position = {step_id: index for index, step_id in enumerate(by_id)}
    waiting = {step.id: len(set(step.needs) & by_id.keys()) for step in by_id.values()}
    dependents: dict[str, list[str]] = {step_id: [] for step_id in by_id}
    for step in by_id.values():
        for need in set(step.needs) & by_id.keys():
            dependents[need].append(step.id)
    ready = [position[step_id] for step_id, count in waiting.items() if count == 0]
    order: list[Step] = []
    ids = tuple(by_id)
    while ready:
        step = by_id[ids[heapq.heappop(ready)]]
        order.append(step)
        for dependent in dependents[step.id]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heapq.heappush(ready, position[dependent])
    if len(order) < len(by_id):
        cycle = find_cycle({step.id: step.needs for step in by_id.values()})
        raise OmlError(f"the steps need each other in a circle: {' -> '.join(cycle)}", code="OML044")
    return tuple(order)


def find_cycle(needs: Needs) -> tuple[str, ...]:
    """Return a shortest circle as ids, each needing the next, the first repeated at the end; empty without one.

    >>> find_cycle({"a": ["b"], "b": ["c"], "c": ["a"]}), find_cycle({"a": [], "b": ["a"]})
    (('a', 'b', 'c', 'a'), ())
    """
    return next(find_cycles(needs), ())


def find_cycles(needs: Needs) -> Iterator[tuple[str, ...]]:
    """Yield one shortest circle for every group of steps that need each other, in the order of the text.

    Needs that are no key are ignored. A step that needs itself is the circle `(a, a)`.
    """
    edges = {node: tuple(need for need in targets if need in needs) for node, targets in needs.items()}
    groups = {member: group for group in _groups(edges) for member in group}
    told: set[str] = set()
    for node, targets in edges.items():
        group = groups[node]
        if node not in told and (len(group) > 1 or node in targets):
            told |= group
            yield _shortest_circle(node, edges, group)


def _groups(edges: Needs) -> Iterator[set[str]]:
    """Yield the strongly connected components (Tarjan's algorithm with a stack of its own)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: list[str] = []
    is_open: set[str] = set()
    for root in edges:
        work = [] if root in index else [(root, iter(edges[root]))]
        while work:
            node, targets = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                open_nodes.append(node)
                is_open.add(node)
            following = next((t for t in targets if t not in index or _lowered(low, node, t, index, is_open)), None)
            if following is not None:
                work.append((following, iter(edges[following])))
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                yield _taken_until(node, open_nodes, is_open)


def _lowered(low: dict[str, int], node: str, target: str, index: Mapping[str, int], is_open: set[str]) -> bool:
    """Note that `node` leads back to a visited node; False, so that the search goes on with the next target."""
    if target in is_open:
        low[node] = min(low[node], index[target])
    return False


def _taken_until(node: str, open_nodes: list[str], is_open: set[str]) -> set[str]:
    group: set[str] = set()
    while node not in group:
        group.add(open_nodes.pop())
    is_open -= group
    return group


def _shortest_circle(start: str, edges: Needs, group: set[str]) -> tuple[str, ...]:
    """Search in breadth for the way back; within its group there always is one."""
    came_from: dict[str, str] = {}
    queue = deque([start])
    while start not in came_from:
        node = queue.popleft()
        for need in edges[node]:
            if need in group and need not in came_from:
                came_from[need] = node
                queue.append(need)
    path = [start]
    node = came_from[start]
    while node != start:
        path.append(node)
        node = came_from[node]
    return (start, *reversed(path))


def table_names(step_id: str, all_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the table names under which SQL finds the rows of a step: `df_<id>`, then the bare id.

    Characters that need quoting become `_`; where two ids would share a `df_` name (DuckDB does not tell upper
    from lower case), each gets `_` and 8 hex of its digest. A bare id is left out where another name takes it.

    >>> table_names("orders", ["orders", "a-b"]), table_names("a-b", ["orders", "a-b", "a.b"])
    (('df_orders', 'orders'), ('df_a_b_d44362d6', 'a-b'))
    """
    names, taken = _names(tuple(all_ids))
    frame = names.get(step_id) or _frame_name(step_id)
    return (frame,) if taken[step_id.casefold()] > 1 else (frame, step_id)


def _frame_name(step_id: str) -> str:
    return "df_" + _NOT_WORD.sub("_", step_id)


@lru_cache(maxsize=16)
def _names(all_ids: tuple[str, ...]) -> tuple[dict[str, str], Counter[str]]:
    plain = Counter(_frame_name(step_id).casefold() for step_id in all_ids)
    names = {}
    for step_id in all_ids:
        name = _frame_name(step_id)
        names[step_id] = f"{name}_{sha256(step_id)[:8]}" if plain[name.casefold()] > 1 else name
    taken = Counter(step_id.casefold() for step_id in all_ids)
    taken.update(name.casefold() for name in names.values())
    return names, taken

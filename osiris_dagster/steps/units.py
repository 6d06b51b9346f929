"""Cut the steps of a run into units that each stream through one thread: a pure function of the selection.

A unit is an in-tree of steps: each but the last is read by exactly one step, which is in the unit too. The rows of a
step read by several are kept in a checkpoint, and each reader streams from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from osiris_dagster.compiler.manifest import StepInput, StepPlan
from osiris_dagster.steps.selection import Selection

End = Literal["write", "spill", "drain"]
MOST_STEPS = 32
"""Steps of one unit. All of them are open at once, and a row passes through as many nested calls as there are."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Steps that stream together, in manifest order; what becomes of the rows of the last; what must end first."""

    steps: tuple[str, ...]
    end: End
    after: tuple[int, ...] = ()  # positions of the units that must have ended well
    reads: tuple[str, ...] = ()  # steps of other units whose checkpoints it reads


def cut(selection: Selection, handed_on: frozenset[str] = frozenset()) -> tuple[Unit, ...]:
    """Return the units in the order of their last steps; rows of steps `handed_on` are kept for other processes.

    Waiting between units can close a circle: `c` waits for the end of `a`, which streams into a step of c's own
    unit. If every wait on a circle were for the last step of a unit, the steps themselves would form a cycle; so at
    least one is for a step that streams on. Keeping the rows of each such step breaks all circles at once, since
    afterwards every wait inside an old circle is for a last step.
    """
    steps = selection.steps
    readers: dict[str, list[str]] = {step.id: [] for step in steps}
    for step in steps:
        for each in _running(step, selection):
            readers[each.step].append(step.id)
    streams = _narrow_streams(steps, {step: found[0] for step, found in readers.items() if len(found) == 1})
    last = _last_steps(steps, streams)
    waits = _waits(steps, streams, selection)
    circles = _circles(last, waits)
    for before, after in waits:
        if before in streams and circles[last[before]] == circles[last[after]]:
            del streams[before]
    return _units(selection, streams, {step for step, found in readers.items() if found} | handed_on)


def _running(step: StepPlan, selection: Selection) -> list[StepInput]:
    """Return the inputs whose steps run too: not those whose rows were kept before."""
    return [each for each in step.sources if each.step not in selection.stored]


def _narrow_streams(steps: Sequence[StepPlan], single: Mapping[str, str]) -> dict[str, str]:
    """Return step -> its reader, for the steps that stream without making a unit larger than MOST_STEPS."""
    streams: dict[str, str] = {}
    size: dict[str, int] = {}
    for step in steps:
        size[step.id] = 1
        for each in step.inputs:
            if each.step in single and size[step.id] + size[each.step] <= MOST_STEPS:
                streams[each.step] = step.id
                size[step.id] += size[each.step]
    return streams


def _last_steps(steps: Sequence[StepPlan], streams: Mapping[str, str]) -> dict[str, str]:
    """Return step -> last step of its unit."""
    last: dict[str, str] = {}
    for step in reversed(steps):
        last[step.id] = last[streams[step.id]] if step.id in streams else step.id
    return last


def _waits(steps: Sequence[StepPlan], streams: Mapping[str, str], selection: Selection) -> list[tuple[str, str]]:
    """Return the pairs (step that must have ended, step that waits for it)."""
    pairs = []
    for step in steps:
        read = dict.fromkeys(each.step for each in _running(step, selection))
        pairs += [(upstream, step.id) for upstream in read if upstream not in streams]
        pairs += [(need, step.id) for need in step.needs if need in selection.recorded and need not in read]
    return pairs


def _units(selection: Selection, streams: Mapping[str, str], read: AbstractSet[str]) -> tuple[Unit, ...]:
    last = _last_steps(selection.steps, streams)
    position = {end: index for index, end in enumerate(step.id for step in selection.steps if step.id not in streams)}
    members: list[list[str]] = [[] for _ in position]
    reads: list[dict[str, None]] = [{} for _ in position]
    after: list[set[int]] = [set() for _ in position]
    for step in selection.steps:
        here = position[last[step.id]]
        members[here].append(step.id)
        reads[here].update((each.step, None) for each in step.sources if each.step not in streams)
    for before, waiting in _waits(selection.steps, streams, selection):
        after[position[last[waiting]]].add(position[last[before]])
    roles = {step.id: step.role for step in selection.steps}
    return tuple(
        Unit(
            tuple(members[index]),
            "write" if roles[end] == "writer" else "spill" if end in read else "drain",
            tuple(sorted(after[index])),
            tuple(reads[index]),
        )
        for end, index in position.items()
    )


def _circles(last: Mapping[str, str], waits: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return unit (by its last step) -> number of its circle: two units share one when each waits for the other."""
    onward: dict[str, list[str]] = {end: [] for end in last.values()}
    back: dict[str, list[str]] = {end: [] for end in last.values()}
    for before, after in waits:
        onward[last[before]].append(last[after])
        back[last[after]].append(last[before])
    circles: dict[str, int] = {}
    for number, root in enumerate(reversed(_finishing_order(onward))):
        reached = [root] if root not in circles else []
        while reached:
            unit = reached.pop()
            if unit not in circles:
                circles[unit] = number
                reached += back[unit]
    return circles


def _finishing_order(onward: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the units in the order in which a depth-first search leaves them."""
    order: list[str] = []
    seen: set[str] = set()
    for root in onward:
        path = [(root, iter(onward[root]))] if root not in seen else []
        seen.add(root)
        while path:
            following = path[-1][1]
            fresh = next((each for each in following if each not in seen), None)
            if fresh is None:
                order.append(path.pop()[0])
            else:
                seen.add(fresh)
                path.append((fresh, iter(onward[fresh])))
    return order

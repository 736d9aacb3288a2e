"""The origin rule: under crashes, zombies and lost acknowledgements every effect happens once.

A simulation: handlers read source partitions and append to shared output partitions; stateful
stages read those behind a marker and append to a last log; a reader applies that by the same rule.
Between any two steps any of them may die and start again, or be replaced while it lives on. The
same check must catch writers that break one of the rule's four conditions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.origin import Highest, Origin
from tests.support.properties import MANY

SOURCES = 2
TARGETS = 2
LENGTH = 12
BATCH = 4

Output = tuple[int, Origin]
"""A target partition, and the origin of what is written there."""


def outputs_of(source: int, offset: int) -> list[Output]:
    """What a source record causes: by its offset nothing, one output, or two, somewhere."""
    count = (1, 2, 0, 1, 1, 3)[(offset + source) % 6]
    target = (offset // 2 + source) % TARGETS
    return [(target, Origin("source", source, offset, index)) for index in range(count)]


EXPECTED = {
    target: sorted(
        origin
        for source in range(SOURCES)
        for offset in range(LENGTH)
        for place, origin in outputs_of(source, offset)
        if place == target
    )
    for target in range(TARGETS)
}


@dataclass(frozen=True)
class Mark:
    """What a stage has applied of its partition."""

    offset: int = 0
    highest: Highest = field(default_factory=Highest)
    effects: tuple[Origin, ...] = ()


@dataclass
class World:
    """The logs, the commits and the markers, and how often writing fails."""

    random: Random
    middle: dict[int, list[Origin]] = field(default_factory=lambda: defaultdict(list))
    last: dict[int, list[Origin]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    members: dict[int, Handler] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=lambda: defaultdict(Mark))
    trouble: bool = True

    def append(self, log: list[Origin], origin: Origin) -> bool:
        """False when it was not acknowledged: the record may be there or not."""
        fate = self.random.random() if self.trouble else 1.0
        if fate >= 0.05:
            log.append(origin)
        return fate >= 0.1


class Handler:
    """Writes in origin order, again from the batch's first origin when a write fails, then commits.

    The group refuses the commit of a member that it has replaced.
    """

    def __init__(self, world: World, source: int) -> None:
        self.world = world
        self.source = source
        self.at = world.committed[source]
        world.members[source] = self

    def run(self) -> Iterator[None]:
        while self.at < LENGTH:
            after = min(self.at + BATCH, LENGTH)
            yield from self.bring(self.outputs(self.at, after), after)
            self.at = after

    def bring(self, outputs: list[Output], after: int) -> Iterator[None]:
        yield from self.deliver(outputs)
        self.commit(after)
        yield

    def outputs(self, start: int, after: int) -> list[Output]:
        return [one for offset in range(start, after) for one in outputs_of(self.source, offset)]

    def deliver(self, outputs: list[Output]) -> Iterator[None]:
        written = 0
        while written < len(outputs):
            yield
            target, origin = outputs[written]
            acknowledged = self.world.append(self.world.middle[target], origin)
            written = written + 1 if acknowledged else 0

    def commit(self, after: int) -> None:
        if self.world.members[self.source] is self:
            self.world.committed[self.source] = after


class Stage:
    """Drops replays, writes in log order, and moves the marker after the acknowledgements."""

    def __init__(self, world: World, target: int) -> None:
        self.world = world
        self.target = target

    def run(self) -> Iterator[None]:
        log = self.world.middle[self.target]
        believed = self.world.marks[self.target]
        while believed.offset < len(log):
            records = log[believed.offset : believed.offset + BATCH]
            highest = believed.highest.copy()
            fresh = [origin for origin in records if highest.admit(origin)]
            new = Mark(believed.offset + len(records), highest, (*believed.effects, *fresh))
            yield from self.bring(fresh, believed, new)
            believed = self.world.marks[self.target]

    def bring(self, fresh: list[Origin], believed: Mark, new: Mark) -> Iterator[None]:
        yield from self.deliver(fresh)
        self.mark(believed, new)
        yield

    def deliver(self, origins: list[Origin]) -> Iterator[None]:
        written = 0
        while written < len(origins):
            yield
            acknowledged = self.world.append(self.world.last[self.target], origins[written])
            written = written + 1 if acknowledged else 0

    def mark(self, believed: Mark, new: Mark) -> None:
        if self.world.marks[self.target] is believed:
            self.world.marks[self.target] = new


Kinds = tuple[type[Handler], ...]


@dataclass
class Play:
    """Random steps of all writers, then an undisturbed end."""

    random: Random
    handlers: Kinds = (Handler,)
    stages: tuple[type[Stage], ...] = (Stage,)

    def run(self, steps: int = 150) -> World:
        world = World(self.random)
        places = [*range(SOURCES), *(~target for target in range(TARGETS))]
        running = {place: [self.start(world, place)] for place in places}
        for _ in range(steps):
            place = self.random.choice(places)
            self.step(world, place, running[place])
        world.trouble = False
        for place in places:
            for _ in range(2):
                list(self.start(world, place))
        for place in places:
            list(self.start(world, place))
        return world

    def start(self, world: World, place: int) -> Iterator[None]:
        if place >= 0:
            return self.random.choice(self.handlers)(world, place).run()
        return self.random.choice(self.stages)(world, ~place).run()

    def step(self, world: World, place: int, writers: list[Iterator[None]]) -> None:
        """One writer of a place goes on; or it dies, or a second one starts beside it."""
        fate = self.random.random()
        if fate < 0.05:
            writers[:] = [self.start(world, place)]
        elif fate < 0.1:
            writers.append(self.start(world, place))
        writer = self.random.choice(writers)
        if next(writer, self) is self:
            writers.remove(writer)
            writers.append(self.start(world, place))


def applied_by_rule(log: list[Origin]) -> list[Origin]:
    highest = Highest()
    return [origin for origin in log if highest.admit(origin)]


def happened_once(world: World) -> bool:
    """Each effect once, none lost, none in the wrong order, in the stage and behind it."""
    return all(
        sorted(effects) == EXPECTED[target] and in_order(effects)
        for target in range(TARGETS)
        for effects in (world.marks[target].effects, applied_by_rule(world.last[target]))
    )


def in_order(effects: tuple[Origin, ...] | list[Origin]) -> bool:
    by_source = [[one for one in effects if one.partition == n] for n in range(SOURCES)]
    return all(one == sorted(one) for one in by_source)


@MANY
@given(st.integers(0, 2**32))
def test_every_effect_happens_once_however_the_writers_crash(seed: int) -> None:
    assert happened_once(Play(Random(seed)).run())


def test_the_simulation_does_write_replays() -> None:
    """Else the property above would say nothing."""
    worlds = [Play(Random(seed)).run() for seed in range(10)]
    expected = 10 * sum(map(len, EXPECTED.values()))
    assert sum(len(log) for world in worlds for log in world.middle.values()) > 1.3 * expected
    assert sum(len(log) for world in worlds for log in world.last.values()) > 1.3 * expected


class Unordered(Handler):
    """Breaks (a): not in origin order."""

    def outputs(self, start: int, after: int) -> list[Output]:
        return super().outputs(start, after)[::-1]


class GoesOn(Handler):
    """Breaks (a): writes on before its own earlier output was acknowledged."""

    def deliver(self, outputs: list[Output]) -> Iterator[None]:
        while outputs:
            failed = []
            for target, origin in outputs:
                yield
                if not self.world.append(self.world.middle[target], origin):
                    failed.append((target, origin))
            outputs = failed


class CommitsFirst(Handler):
    """Breaks (b), without a marker: the commit moves before the acknowledgements."""

    def bring(self, outputs: list[Output], after: int) -> Iterator[None]:
        self.commit(after)
        yield from self.deliver(outputs)


class ChangedItsMind(Handler):
    """Breaks (c): knows no output of records that another writer knows one of."""

    def outputs(self, start: int, after: int) -> list[Output]:
        return [one for one in super().outputs(start, after) if one[1].offset % 4]


class WithoutIndex(Handler):
    """Breaks (d): several outputs of one origin look alike."""

    def outputs(self, start: int, after: int) -> list[Output]:
        outputs = super().outputs(start, after)
        return [(target, msgspec.structs.replace(origin, index=0)) for target, origin in outputs]


class MarksFirst(Stage):
    """Breaks (b): the marker moves before the acknowledgements."""

    def bring(self, fresh: list[Origin], believed: Mark, new: Mark) -> Iterator[None]:
        self.mark(believed, new)
        yield from self.deliver(fresh)


@pytest.mark.parametrize(
    ("handlers", "stages"),
    [
        ((Unordered,), (Stage,)),
        ((GoesOn,), (Stage,)),
        ((CommitsFirst,), (Stage,)),
        ((Handler, ChangedItsMind), (Stage,)),
        ((WithoutIndex,), (Stage,)),
        ((Handler,), (MarksFirst,)),
        ((Handler, Handler, Handler, Unordered), (Stage,)),
    ],
)
def test_a_writer_that_breaks_a_condition_is_caught(
    handlers: Kinds, stages: tuple[type[Stage], ...]
) -> None:
    plays = [Play(Random(seed), handlers, stages).run() for seed in range(40)]
    assert not all(happened_once(world) for world in plays)

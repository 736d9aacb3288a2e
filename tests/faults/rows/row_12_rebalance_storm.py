"""A third member joins each group and leaves it again, every two seconds.

It is no worker of ours, for those keep their places over a restart: it takes partitions away from
the two workers, does nothing with them, and hands them back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from pipeline.topics import group_of
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.recovery import Offsets, applied_offsets, has_sent
from tests.faults.row import Row
from tests.faults.watch import MarkerWatch

STAGES = ("stream_features", "serving")
EVERY = 2.0
LIMIT = 10.0
POLL_MS = 50


@dataclass
class Pulse:
    """For how many seconds, at the longest, no marker of a stage has moved."""

    longest: dict[str, float] = field(default_factory=dict)
    _moved: dict[str, tuple[int, float]] = field(default_factory=dict)

    def feel(self, now: float, offsets: Offsets) -> None:
        """Look at what is applied at a moment."""
        for stage in STAGES:
            total = sum(offset for (name, _), offset in offsets.items() if name == stage)
            before, at = self._moved.setdefault(stage, (total, now))
            self.longest[stage] = max(self.longest.get(stage, 0.0), now - at)
            if total != before:
                self._moved[stage] = (total, now)


def play(arena: Arena) -> Findings:
    times, pulse, joined = arena.scale.pick(15, 4), Pulse(), 0
    with (
        arena.running(dict.fromkeys(STAGES, 2)) as crew,
        arena.load() as source,
        MarkerWatch(arena.settings.redis.url, arena.name, PARTITIONS) as watch,
    ):
        arena.until(partial(has_sent, source, 500), 30, "the source")
        for _ in range(times):
            over = time.monotonic() + EVERY
            with guests(arena) as some:
                arena.until(partial(have_joined, arena, pulse, some), 30, "joining")
                joined += len(some)
            arena.until(partial(is_over, arena, pulse, over), 30, "the next")
        recovered = arena.finish()
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=times * len(STAGES),
            injected=joined,
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                watch.verdict,
                arena.within("progress", list(pulse.longest.values()), LIMIT),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(pulse.longest.values()),
        )


@contextmanager
def guests(arena: Arena) -> Iterator[list[Any]]:
    """A member of each group; they leave at the end."""
    with ExitStack() as undo:
        found = [guest(arena, stage) for stage in STAGES]
        for one in found:
            undo.callback(one.close)
        yield found


def guest(arena: Arena, stage: str) -> Any:
    topics = {"stream_features": arena.topics.incoming, "serving": arena.topics.features}
    return KafkaConsumer(
        topics[stage],
        bootstrap_servers=arena.servers.kafka.address,
        group_id=group_of(arena.case, stage),
        enable_auto_commit=False,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
    )


def have_joined(arena: Arena, pulse: Pulse, some: list[Any]) -> bool:
    """Whether each guest has partitions; joining needs polls."""
    pulse.feel(time.monotonic(), applied_offsets(arena))
    for one in some:
        one.poll(POLL_MS)
    return all(one.assignment() for one in some)


def is_over(arena: Arena, pulse: Pulse, over: float) -> bool:
    pulse.feel(time.monotonic(), applied_offsets(arena))
    return time.monotonic() >= over


ROW = Row(12, "rebalance storm", play)

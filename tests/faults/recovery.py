"""When the workers are well again: they bring records to their effects, and keep up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cli.state.markers import read_markers
from pipeline.errors import InfrastructureError
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.source import Source

KEEPS_UP_SECONDS = 5.0
"""Whose lag, over all stages, is less than what the source sends in this time keeps up."""
BATCHES = "pipeline_batch_seconds_count"

Offsets = Mapping[tuple[str, int], int]
"""What is applied, by stage and partition."""


@dataclass(frozen=True, slots=True)
class Worked:
    """How much each worker had brought to its effects at a moment."""

    crew: Crew
    deaths: Mapping[str, int]
    batches: Mapping[str, float]

    @classmethod
    def so_far(cls, crew: Crew) -> Self:
        """As of now."""
        return cls(crew, crew.deaths(), {one: crew.sum(BATCHES, one) for one in crew.workers})

    def goes_on(self, instance: str) -> bool:
        """Whether a worker has brought another batch to its effects since."""
        died = self.crew.deaths()[instance] > self.deaths[instance]
        return self.crew.sum(BATCHES, instance) > (0 if died else self.batches[instance])

    def all_go_on(self) -> bool:
        """Whether every worker has."""
        return all(map(self.goes_on, self.batches))


def has_sent(source: Source, least: int) -> bool:
    """Whether so many events are acknowledged."""
    return source.sent >= least


def keeps_up(arena: Arena) -> bool:
    """Whether the workers are as far behind a live source as they always are."""
    lag = arena.lag()
    return lag is not None and lag < KEEPS_UP_SECONDS * arena.scale.rate


def recovers(arena: Arena, worked: Worked) -> bool:
    """Whether every worker has gone on, and all of them keep up."""
    return worked.all_go_on() and keeps_up(arena)


def applied_offsets(arena: Arena) -> Offsets:
    """What the markers say; nothing of those that cannot be read now."""
    try:
        markers = read_markers(arena.settings)
    except InfrastructureError:
        return {}
    return {
        (stage, number): marker.offset
        for stage, some in markers.items()
        for number, marker in some.items()
    }


def are_beyond(now: Offsets, before: Offsets) -> bool:
    """Whether each marker has moved on."""
    return all(now.get(place, -1) > offset for place, offset in before.items())

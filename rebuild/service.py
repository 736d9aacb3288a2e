"""One partition's rebuild: build beside the live state, switch if that is still what it was."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.marker import Marker
from pipeline.store.building import Building
from pipeline.store.store import Values
from rebuild.builders import Builder

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild of a partition did: from which marker, to which, with how many entities."""

    kind: str
    partition: int
    records: int
    entities: int
    unscored: int
    was: Marker | None
    now: Marker


async def rebuild(
    builder: Builder, building: Building, partition: int, faults: FaultPoints
) -> Rebuilt:
    """Rebuild a partition; workers may run meanwhile. What was live is left to a sweep.

    Raises Refusal, and InfrastructureError; then the live state is as it was.
    """
    for _ in range(_TRIES):
        was = await building.live.marker(partition)
        built = builder.build(partition, was, uuid.uuid4().hex[:8])
        faults.hit("before-build")
        count = await building.write(partition, built.marker, _passing(built.entities, faults))
        faults.hit("before-switch")
        if await building.switch(partition, was, built.marker) is None:
            faults.hit("after-switch")
            return Rebuilt(
                builder.kind, partition, built.records, count, built.unscored, was, built.marker
            )
    raise Refusal(
        f"the state of partition {partition} was replaced {_TRIES} times while it was rebuilt",
        "See which workers run, and run `pipeline rebuild` again",
    )


def _passing(
    entities: Iterable[tuple[str, Values]], faults: FaultPoints
) -> Iterator[tuple[str, Values]]:
    for one in entities:
        faults.hit("in-build")
        yield one

"""Where a stage reads a partition on: what it is asked, and what is refused."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pipeline.errors import Refusal


class Log(NamedTuple):
    """One partition of a topic as the broker has it: `end` is the next offset to be written."""

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int


class Positions(Protocol):
    """What a stage tells the gate."""

    async def position(self, log: Log) -> int | None:
        """The offset to read first; None to read nothing for now, and to be asked again later.

        Raises Refusal, or InfrastructureError to be asked again at once.
        """
        ...

    async def flush(self) -> None:
        """Bring what is held in memory to its effects: it may never be read again.

        Raises InfrastructureError to be asked again.
        """
        ...


def refuse_outside(place: Log, position: int, remedy: str) -> None:
    """Raise Refusal where the log does not hold, or end at, the next offset to apply."""
    if not place.start <= position <= place.end:
        raise Refusal(
            f"{place.topic} partition {place.partition} holds offsets {place.start} to "
            f"{place.end}, but {position} is the next to apply",
            remedy,
        )

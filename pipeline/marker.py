"""The marker: what a stateful stage has applied of one partition, written with its effects.

It is the truth about progress; the committed offset in Kafka is a hint for lag tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from pipeline.origin import Highest

BEFORE_FIRST = -1
_TO = ">"


class OutputPosition(NamedTuple):
    """An offset of one partition of a topic."""

    topic_id: str
    offset: int


NOWHERE = OutputPosition("", 0)


@dataclass(frozen=True, slots=True)
class Marker:
    """Progress over one partition: `offset` is the last one applied, -1 before the first.

    `partitions` is the number by which entities were placed; 0 in a marker that does not say it.
    `sweep_due` where entities of other generations may be left. Before the position `written` of
    the stage's own output stands nothing of later records (see `pipeline.first_records`).
    """

    topic_id: str
    generation: str
    fingerprint: str
    offset: int
    highest: Highest
    lookups: Mapping[str, str]
    partitions: int = 0
    sweep_due: bool = True
    written: OutputPosition = NOWHERE

    @classmethod
    def first(cls, topic_id: str, generation: str, fingerprint: str, partitions: int = 0) -> Marker:
        """The marker of a partition of which nothing has been applied."""
        return cls(topic_id, generation, fingerprint, BEFORE_FIRST, Highest(), {}, partitions)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What another writer would have changed: generation, topic id, fingerprint, offset."""
        return (self.generation, self.topic_id, self.fingerprint, str(self.offset))

    def at(self, offset: int, highest: Highest, lookups: Mapping[str, str]) -> Marker:
        """The marker after the records up to `offset` have been applied."""
        return replace(self, offset=offset, highest=highest, lookups=lookups)

    def fenced(self, heir: str) -> Marker:
        """The same progress, on which no worker goes on until the declaration `heir` has it."""
        return replace(self, fingerprint=f"{self.fingerprint}{_TO}{heir}")

    @property
    def is_fenced(self) -> bool:
        """Whether the partition is on its way from one declaration to another."""
        return _TO in self.fingerprint

    def freed(self) -> Marker:
        """The marker as it was before it was fenced."""
        return replace(self, fingerprint=freed(self.fingerprint))

    def encode(self) -> dict[str, str]:
        """The fields of its Redis hash."""
        return {
            "generation": self.generation,
            "topic_id": self.topic_id,
            "fingerprint": self.fingerprint,
            "offset": str(self.offset),
            "origins": json.dumps(self.highest.encode(), separators=(",", ":")),
            "lookups": json.dumps(dict(self.lookups), separators=(",", ":")),
            "partitions": str(self.partitions),
            "sweep_due": str(int(self.sweep_due)),
            "written": f"{self.written.topic_id}/{self.written.offset}",
        }

    @classmethod
    def decode(cls, fields: Mapping[str, str]) -> Marker:
        """The marker of a Redis hash. Raises KeyError or ValueError when it is not one."""
        return cls(
            topic_id=fields["topic_id"],
            generation=fields["generation"],
            fingerprint=fields["fingerprint"],
            offset=int(fields["offset"]),
            highest=Highest.decode(json.loads(fields["origins"])),
            lookups=json.loads(fields["lookups"]),
            partitions=int(fields.get("partitions", "0")),
            sweep_due=fields.get("sweep_due") != "0",
            written=_output_position(fields.get("written", "/0")),
        )


def _output_position(text: str) -> OutputPosition:
    topic_id, offset = text.split("/")
    return OutputPosition(topic_id, int(offset))


def freed(fingerprint: str) -> str:
    """A marker's fingerprint as it was before it was fenced."""
    return fingerprint.partition(_TO)[0]

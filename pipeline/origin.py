"""Origins: which record of the first log caused a record, and which of them are replays.

Every record that a stage writes carries its cause in the first log. A record whose origin is not
newer than the highest one applied from the same log partition is a replay and has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

HEADER = "origin"
TIME_HEADER = "origin-time"
KIND_HEADER = "kind"

_PASSED_ON = (HEADER, TIME_HEADER)

Source = tuple[str, int]
"""A partition of a first log: (topic id, partition)."""

Place = tuple[int, int]
"""A place in it: (offset, index among the outputs of that record)."""


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """A record of the first log, and which of its outputs this is."""

    topic_id: str
    partition: int
    offset: int
    index: int = 0

    @property
    def source(self) -> Source:
        """The log partition it belongs to."""
        return (self.topic_id, self.partition)

    @property
    def place(self) -> Place:
        """What is compared within that log partition."""
        return (self.offset, self.index)

    def encode(self) -> bytes:
        """`topic-id/partition/offset/index` as a header's value."""
        return f"{self.topic_id}/{self.partition}/{self.offset}/{self.index}".encode()

    @classmethod
    def decode(cls, raw: bytes) -> Origin:
        """The origin of a header's value. Raises ValueError."""
        topic_id, partition, offset, index = raw.decode("ascii").split("/")
        return cls(topic_id, int(partition), int(offset), int(index))


class Located(Protocol):
    """A consumed record, as far as its origin needs it."""

    @property
    def partition(self) -> int:
        """Of its topic."""
        ...

    @property
    def offset(self) -> int:
        """In its partition."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Names and values."""
        ...


def origin_of(topic_id: str, record: Located) -> Origin:
    """What `record` carries; a record that carries none, or a torn one, is its own first log."""
    carried = header_in(record.headers, HEADER)
    if carried is not None:
        try:
            return Origin.decode(carried)
        except ValueError:
            pass  # as good as none
    return Origin(topic_id, record.partition, record.offset, 0)


def header_in(headers: Iterable[tuple[str, bytes]], wanted: str) -> bytes | None:
    """The first value of the header `wanted`."""
    for name, value in headers:
        if name == wanted:
            return value
    return None


class Caused(Protocol):
    """A decoded record: where it comes from, and as it was read."""

    @property
    def origin(self) -> Origin:
        """What caused it in the first log."""
        ...

    @property
    def record(self) -> Located:
        """The record as it was read."""
        ...


def passed_on(item: Caused) -> tuple[tuple[str, bytes], ...]:
    """The headers by which every later stage knows the first log's record."""
    headers = item.record.headers
    if len(headers) == len(_PASSED_ON) and (headers[0][0], headers[1][0]) == _PASSED_ON:
        return tuple(headers)  # as our stages write them
    carried = tuple([header for header in item.record.headers if header[0] in _PASSED_ON])
    if header_in(carried, HEADER) is None:
        return (*carried, (HEADER, item.origin.encode()))
    return carried


@dataclass(slots=True)
class Highest:
    """The highest origin applied so far, per partition of the first log."""

    places: dict[Source, Place] = field(default_factory=dict)

    def admit(self, origin: Origin) -> bool:
        """True, and remembered, when `origin` is newer than all before it; False for a replay."""
        source = (origin.topic_id, origin.partition)
        place = (origin.offset, origin.index)
        known = self.places.get(source)
        if known is not None and place <= known:
            return False
        self.places[source] = place
        return True

    def copy(self) -> Highest:
        """An equal, independent value."""
        return Highest(dict(self.places))

    def encode(self) -> dict[str, str]:
        """`topic-id/partition` -> `offset/index`, as text."""
        return {
            f"{topic_id}/{partition}": f"{offset}/{index}"
            for (topic_id, partition), (offset, index) in self.places.items()
        }

    @classmethod
    def decode(cls, text: Mapping[str, str]) -> Highest:
        """The inverse of `encode`. Raises ValueError."""
        return cls({_source(key): _place(value) for key, value in text.items()})


def _source(text: str) -> Source:
    topic_id, partition = text.rsplit("/", 1)
    return topic_id, int(partition)


def _place(text: str) -> Place:
    offset, index = text.split("/")
    return int(offset), int(index)

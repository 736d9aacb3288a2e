"""Origins: which record of the first log caused a record, and which of them are replays.

Every record that a stage writes carries its cause in the first log. A record whose origin is not
newer than the highest one applied from the same log partition is a replay and has no effect.

A source of the handler is a log for as long as it has its name. Where its topic is deleted and made
again, its offsets begin anew under a higher incarnation (`event_handler.incarnations`), so that
what comes late of the topic that is gone is older than everything of the new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from pipeline.records import Headers

HEADER = "origin"
TIME_HEADER = "origin-time"
KIND_HEADER = "kind"

MOST_MILLISECONDS = 253_402_300_799_999
"""The last moment of the year 9999: no clock of ours, and no table, goes further."""
NUMBER = rb"(0|[1-9]\d{0,13})"
"""In an origin: a partition that has a million records a second comes to more in three years."""
_LOG = rb"([!-.0-9;-~]{1,300})(?::([1-9]\d{0,13}))?"
_FORM = re.compile(b"/".join((_LOG, NUMBER, NUMBER, NUMBER)))
_TIME_DIGITS = len(str(MOST_MILLISECONDS))

Source = tuple[str, int]
"""A partition of a first log: (log, partition)."""

Place = tuple[int, int, int]
"""A place in it: (incarnation, offset, index among the outputs of that record)."""

_BEFORE_ALL: Place = (-1, -1, -1)


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """A record of the first log, and which of its outputs this is.

    `log` is the name of a source, whose topic has an `incarnation`; or the topic id of one of our
    own topics, for a record that is its own first log.
    """

    log: str
    partition: int
    offset: int
    index: int = 0
    incarnation: int = 0

    @property
    def source(self) -> Source:
        """The log partition it belongs to."""
        return (self.log, self.partition)

    @property
    def place(self) -> Place:
        """What is compared within that log partition."""
        return (self.incarnation, self.offset, self.index)

    def encode(self) -> bytes:
        """`log/partition/offset/index` as a header's value; a source is `name:incarnation`."""
        log = f"{self.log}:{self.incarnation}" if self.incarnation else self.log
        return f"{log}/{self.partition}/{self.offset}/{self.index}".encode()

    @classmethod
    def decode(cls, raw: bytes) -> Origin:
        """The origin of a header's value. Raises ValueError for what `encode` has not made."""
        found = _FORM.fullmatch(raw)
        if found is None:
            raise ValueError("not an origin")
        log, incarnation, partition, offset, index = found.groups()
        return cls(log.decode(), int(partition), int(offset), int(index), int(incarnation or 0))


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
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
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


def header_in(headers: Iterable[tuple[str, bytes | None]], wanted: str) -> bytes | None:
    """The first value of the header `wanted`."""
    for name, value in headers:
        if name == wanted:
            return value
    return None


def milliseconds_in(headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    """When the record of the first log arrived; None where that is not told, or not by us."""
    return milliseconds_of(header_in(headers, TIME_HEADER))


def milliseconds_of(text: bytes | None) -> int | None:
    """A time in its header; None for what is none."""
    if text is None or len(text) > _TIME_DIGITS or not text.isdigit():
        return None
    return moment if (moment := int(text)) <= MOST_MILLISECONDS else None


def cause(origin: Origin, milliseconds: int | None) -> Headers:
    """The headers by which every later stage knows the first log's record, and when it arrived."""
    carried = (HEADER, origin.encode())
    if milliseconds is None or not 0 <= milliseconds <= MOST_MILLISECONDS:
        return (carried,)
    return (carried, (TIME_HEADER, b"%d" % milliseconds))


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


def passed_on(item: Caused) -> Headers:
    """What an output carries of what caused it."""
    return cause(item.origin, milliseconds_in(item.record.headers))


@dataclass(slots=True)
class Highest:
    """The highest origin applied so far, per partition of the first log."""

    places: dict[Source, Place] = field(default_factory=dict)

    def admit(self, origin: Origin) -> bool:
        """True, and remembered, when `origin` is newer than all before it; False for a replay."""
        source = (origin.log, origin.partition)
        place = (origin.incarnation, origin.offset, origin.index)
        known = self.places.get(source)
        if known is not None and place <= known:
            return False
        self.places[source] = place
        return True

    def covers(self, origin: Origin) -> bool:
        """Whether `origin` is a replay of what was applied."""
        return origin.place <= self.places.get(origin.source, _BEFORE_ALL)

    def join(self, other: Highest) -> None:
        """Remember all that `other` does."""
        for source, place in other.places.items():
            self.places[source] = max(place, self.places.get(source, _BEFORE_ALL))

    def copy(self) -> Highest:
        """An equal, independent value."""
        return Highest(dict(self.places))

    def encode(self) -> dict[str, str]:
        """`log/partition` -> `incarnation/offset/index`, as text."""
        return {
            f"{log}/{partition}": "/".join(map(str, place))
            for (log, partition), place in self.places.items()
        }

    @classmethod
    def decode(cls, text: Mapping[str, str]) -> Highest:
        """The inverse of `encode`. Raises ValueError."""
        return cls({_source(key): _place(value) for key, value in text.items()})


def _source(text: str) -> Source:
    log, partition = text.rsplit("/", 1)
    return log, int(partition)


def _place(text: str) -> Place:
    incarnation, offset, index = text.split("/")
    return int(incarnation), int(offset), int(index)

"""The origin rule over many records of one partition at once, in log order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.origin import Highest, Origin, Place, Source

_BEFORE_ALL = (-1, -1)


class Judged(NamedTuple):
    """The records' origins as text, which are replays, and the highest origins after them."""

    origins: list[bytes]
    replayed: list[bool]
    highest: Mapping[str, Highest]


def judge(
    before: Mapping[str, Highest],
    topic_id: str,
    partition: int,
    carried: Iterable[tuple[str, bytes | None, int]],
) -> Judged:
    """What `Highest.admit` says of each record, for each writer apart; `before` stays as it is.

    `carried` is the writer ("" where a topic has one), the origin header and the offset. A record
    that carries no origin, or a torn one, is its own first log.
    """
    highest = defaultdict(Highest, {writer: one.copy() for writer, one in before.items()})
    sources: dict[bytes, Source] = {}
    origins: list[bytes] = []
    replayed: list[bool] = []
    for writer, header, offset in carried:
        origin = header or b""
        try:
            source, place = _read(origin, sources)
        except ValueError:
            own = Origin(topic_id, partition, offset)
            origin, source, place = own.encode(), own.source, own.place
        places = highest[writer].places
        replay = place <= places.get(source, _BEFORE_ALL)
        if not replay:
            places[source] = place
        origins.append(origin)
        replayed.append(replay)
    return Judged(origins, replayed, dict(highest))


def _read(origin: bytes, sources: dict[bytes, Source]) -> tuple[Source, Place]:
    """As `Origin.decode`; few partitions write many records, so each is decoded once."""
    text, offset, index = origin.rsplit(b"/", 2)
    source = sources.get(text)
    if source is None:
        source = sources[text] = Origin.decode(origin).source
    return source, (int(offset), int(index))

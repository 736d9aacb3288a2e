"""The origin rule over many records of one partition at once, in log order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.origin import NUMBER, Highest, Origin, Place, Source
from pipeline.parquet.format import Origins

_BEFORE_ALL = (-1, -1, -1)
_FORM = re.compile(b"/".join((rb"(.{1,400})", NUMBER, NUMBER)))


class Judged(NamedTuple):
    """The records' origins as text, which are replays, and the highest origins after them."""

    origins: list[bytes]
    replayed: list[bool]
    highest: Origins


def judge(before: Origins, own: Source, carried: Iterable[tuple[str, bytes | None, int]]) -> Judged:
    """What `Highest.admit` says of each record, for each writer apart; `before` stays as it is.

    `carried` is the writer ("" where a topic has one), the origin header and the offset. A record
    that carries no origin, or a torn one, is its own first log: `own` is the partition it is in.
    """
    places = {writer: dict(highest.places) for writer, highest in before.items()}
    sources: dict[bytes, tuple[Source, int]] = {}
    origins: list[bytes] = []
    replayed: list[bool] = []
    for writer, header, offset in carried:
        origin = header or b""
        try:
            text, *numbers = _numbered(origin)
            cause = sources.get(text)
            if cause is None:  # few partitions write many records: each is decoded once
                decoded = Origin.decode(origin)
                cause = sources[text] = (decoded.source, decoded.incarnation)
            source, incarnation = cause
            place: Place = (incarnation, int(numbers[0]), int(numbers[1]))
        except ValueError:
            own_origin = Origin(*own, offset)
            origin, source, place = own_origin.encode(), own, own_origin.place
        known = places.get(writer)
        if known is None:
            known = places[writer] = {}
        replay = place <= known.get(source, _BEFORE_ALL)
        if not replay:
            known[source] = place
        origins.append(origin)
        replayed.append(replay)
    return Judged(origins, replayed, {writer: Highest(known) for writer, known in places.items()})


def _numbered(origin: bytes) -> tuple[bytes, ...]:
    """The log partition, the offset and the index. Raises ValueError for what has none of them."""
    found = _FORM.fullmatch(origin)
    if found is None:
        raise ValueError("not an origin")
    return found.groups()

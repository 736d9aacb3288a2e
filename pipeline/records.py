"""Records on their way into a stage, and out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

Headers = tuple[tuple[str, bytes], ...]


class InRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it was read; `timestamp` in milliseconds since the epoch, -1 for none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class OutRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to write."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Target(NamedTuple):
    """An output partition."""

    topic: str
    partition: int


class Written(NamedTuple):
    """So many records one behind the other, and the offset of the first, -1 where it is unknown."""

    offset: int
    records: int


Acknowledged = Mapping[Target, Sequence[Written]]
"""Where it was written, in the order given."""

Deliveries = Mapping[Target, Sequence[OutRecord]]
"""What is to be written, in this order for each partition."""

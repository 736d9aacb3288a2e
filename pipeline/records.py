"""Records on their way out of a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

Headers = tuple[tuple[str, bytes], ...]


class OutRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to write."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Target(NamedTuple):
    """An output partition."""

    topic: str
    partition: int


Deliveries = Mapping[Target, Sequence[OutRecord]]
"""What is to be written, in this order for each partition."""

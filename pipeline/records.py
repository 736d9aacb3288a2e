"""Records on their way into a stage, and out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

Headers = tuple[tuple[str, bytes | None], ...]
"""Names and values; each of ours has a value, a stranger's may have none."""

TOO_LARGE = "too_large"
BATCH_TOO_LARGE = "batch_too_large"
BATCH_UNREADABLE = "batch_unreadable"
RECORD_UNREADABLE = "record_unreadable"

MOST_VALUE_BYTES = 1024 * 1024
"""The longest value that is read whole: what a source topic takes of it."""
MOST_PASSED_ON_BYTES = MOST_VALUE_BYTES // 2
"""The longest value of which a stage makes an output with all that is in it: that must fit too."""
MOST_HEADERS = 64
"""No record of ours has as many; further ones are not read."""
HEAD_BYTES = 64 * 1024
"""What is kept of a value that is longer, and of a key that does not fit."""


class Cut(msgspec.Struct, frozen=True, gc=False):
    """Why a record came without its content, and what that was.

    `length` and `sha256` (hex) are of the value; of a batch that was not unpacked they are of its
    bytes on the wire, and `codec` is what it was compressed with.
    """

    reason: str
    length: int
    sha256: str
    codec: str = ""


class InRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it was read; `timestamp` in milliseconds since the epoch, -1 for none.

    Where `cut` says why, `value` is no more than the first bytes of it.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    cut: Cut | None = None


class OutRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to write."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Target(NamedTuple):
    """An output partition."""

    topic: str
    partition: int


def cut_off(content: bytes | memoryview) -> tuple[bytes, Cut]:
    """The first bytes of a value or a key, and what the whole was."""
    digest = sha256(content).hexdigest()
    return bytes(content[:HEAD_BYTES]), Cut(TOO_LARGE, len(content), digest)


def whole_or_head(value: bytes | memoryview | None) -> tuple[bytes | None, Cut | None]:
    """A value as an `InRecord` has it: one that is too long without its end, and why."""
    if value is None or len(value) <= MOST_VALUE_BYTES:
        return None if value is None else bytes(value), None
    return cut_off(value)


Deliveries = Mapping[Target, Sequence[OutRecord]]
"""What is to be written, in this order for each partition."""

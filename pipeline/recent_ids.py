"""The ids of an entity's last different events: 8 bytes each, the oldest first, in one piece.

In Redis they are in fields of at most 64 bytes, because one byte more makes Redis leave its compact
encoding and use four times the memory. Fields that would be empty are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

ID_BYTES = 8
FIELD_BYTES = 64

_UNHASHED = blake2b(digest_size=ID_BYTES)


def hashed_id(event_id: str) -> bytes:
    """The 8 bytes by which an event id is remembered."""
    hashing = _UNHASHED.copy()  # takes less than making one
    hashing.update(event_id.encode())
    return hashing.digest()


def remember(recent: bytes, event_id: str, most: int) -> bytes | None:
    """`recent` with one more id, of which the last `most` stay; None where it is among them.

    A known id keeps its position: it is forgotten after `most` others, however often it came.
    """
    hashed = hashed_id(event_id)
    at = recent.find(hashed)
    while at >= 0:
        if at % ID_BYTES == 0:
            return None
        at = recent.find(hashed, at + 1)
    return recent[max(0, len(recent) - (most - 1) * ID_BYTES) :] + hashed


def field_names(most: int) -> tuple[str, ...]:
    """The fields that `most` ids need."""
    fields = -(-most * ID_BYTES // FIELD_BYTES)
    return tuple("recent_ids" if n == 0 else f"recent_ids_{n}" for n in range(fields))


def to_fields(recent: bytes) -> list[bytes]:
    """The values of the first fields; those of the others are left out."""
    return [recent[at : at + FIELD_BYTES] for at in range(0, len(recent), FIELD_BYTES)]


def from_fields(values: Sequence[bytes | None]) -> bytes:
    """What `to_fields` took apart; None for a field that is left out. Raises ValueError."""
    present = [value for value in values if value is not None]
    recent = b"".join(present)
    if len(recent) % ID_BYTES or [*values[: len(present)]] != to_fields(recent):
        raise ValueError("the recent ids are not of 8 bytes each, in full fields")
    return recent

"""Kafka's files, as far as their heads are read without a broker."""

from __future__ import annotations

import struct


def batch(base: int, records: int, body: int = 100) -> bytes:
    """A batch of so many records from the offset `base` on, with `body` bytes behind its head."""
    head = struct.pack(">qiibiHi", base, 15 + body, 0, 2, 0, 0, records - 1)
    return head + b"\0" * body

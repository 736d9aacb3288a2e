"""Which share of all names a name falls into: the same one wherever it is asked. Pure."""

from __future__ import annotations

import hashlib


def place_of(name: str, salt: str) -> float:
    """Where the hash of a name falls, from 0 to below 1; with another salt, elsewhere."""
    digest = hashlib.sha256(f"{salt}:{name}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48

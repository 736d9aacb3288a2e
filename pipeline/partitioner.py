"""Which partition a key belongs to: the rule of the Java client, aiokafka and Faust."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2

_REMEMBERED = 200_000  # keys: the hash is pure Python and costs ten times a look-up


@lru_cache(maxsize=_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` among `partitions`: murmur2(key) mod n, as Kafka's own clients do."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions

"""What the embedded servers need: found on this machine, else downloaded once into the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.java import find_java
from embedded.kafka_jars import kafka_jars
from embedded.redis_binary import find_redis

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Software:
    """Where the programs are."""

    java: Path
    jars: Path
    redis_server: Path

    @property
    def classpath(self) -> str:
        """All jars, in the order of their names, as java takes them."""
        return os.pathsep.join(str(jar) for jar in sorted(self.jars.glob("*.jar")))


def install(cache: Path, say: Callable[[str], None]) -> Software:
    """Make sure that everything is there; `say` gets a line before anything takes long.

    Needs the network the first time only. Raises Refusal, with what to do, when something is
    missing that cannot be had.
    """
    return Software(
        java=find_java(),
        jars=kafka_jars(cache, say),
        redis_server=find_redis(cache, say),
    )

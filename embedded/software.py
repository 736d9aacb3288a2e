"""The programs that the embedded servers are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Software:
    """Where the programs are; `classes` is Kafka's class-data archive."""

    java: Path
    jars: Path
    redis_server: Path
    classes: Path

    @property
    def classpath(self) -> str:
        """All jars, in the order of their names, as java takes them."""
        return os.pathsep.join(str(jar) for jar in sorted(self.jars.glob("*.jar")))

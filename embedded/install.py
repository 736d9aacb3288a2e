"""What the embedded servers need: found on this machine, else downloaded once into the cache."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.class_archive import class_archive
from embedded.java import find_java
from embedded.kafka_jars import kafka_jars
from embedded.redis_binary import find_redis
from embedded.software import Software

if TYPE_CHECKING:
    from collections.abc import Callable


def install(cache: Path, say: Callable[[str], None]) -> Software:
    """Make sure that everything is there; `say` gets a line before anything takes long.

    Needs the network the first time only. Raises Refusal, with what to do, when something is
    missing that cannot be had. Call it in the main thread: it may start a broker.
    """
    redis_server, java = find_redis(), find_java()  # what is missing is told before a download
    software = Software(java, kafka_jars(cache, say), redis_server, classes=Path(os.devnull))
    return replace(software, classes=class_archive(cache, software, say))

"""Sees when features can be read: `python -m benchmarks.watcher MARKS`, until it is ended.

Redis tells it of each write of a feature marker (a keyspace notification; nobody polls); it reads
the marker at once, and notes partition, offset and the moment that it had the answer, line by line
in the file MARKS. Marker and features are written in one step, so whoever reads one sees the other.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.percentiles import Mark
from pipeline.keys import FEATURES, Keys
from pipeline.settings import Settings, read_settings

_NOTIFY = "notify-keyspace-events"


def watch(settings: Settings, into: Path) -> None:
    """Note mark after mark."""
    client: Any = Redis.from_url(settings.redis.url, decode_responses=True)
    client.config_set(_NOTIFY, "Kh")
    told = client.pubsub(ignore_subscribe_messages=True)
    told.psubscribe(f"__keyspace@*__:{settings.use_case}:marker:{FEATURES}:*")
    keys = Keys(settings.use_case, FEATURES)
    with into.open("w", buffering=1) as file:
        for message in told.listen():
            partition = int(re.findall(r"\d+", message["channel"])[-1])
            offset = client.hget(keys.marker(partition), "offset")
            file.write(f"{partition} {offset} {time.time()!r}\n")


def marks_in(path: Path) -> Iterator[Mark]:
    """What it has noted; a line that it was writing when it ended is left out."""
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            partition, offset, at = line.split()
            yield Mark(int(partition), int(offset), float(at))


if __name__ == "__main__":
    watch(read_settings(os.environ), Path(sys.argv[1]))

"""Kafka's classes, parsed once: with such an archive a broker starts in about half the time.

It belongs to one java and one set of jars. A java ignores an archive that does not fit or is
not there, so it is never needed, only quicker.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.cache import cached
from embedded.kafka import java_command, start_kafka
from embedded.server import run
from embedded.tether import nothing_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from embedded.software import Software

NAME = "kafka.jsa"
DUMP_SECONDS = 120.0


def class_archive(cache: Path, software: Software, say: Callable[[str], None]) -> Path:
    """The archive for this java and these jars; the first time it starts a broker to make it."""

    def fill(directory: Path) -> None:
        say("Preparing Kafka for this Java (about 15 s, the first time only) ...")
        with tempfile.TemporaryDirectory() as scratch:
            make(software, Path(scratch), directory / NAME)

    return cached(cache, f"classes-{_key(software)}", fill) / NAME


def make(software: Software, scratch: Path, archive: Path) -> None:
    """Note the classes that a start needs, then write them to `archive`."""
    log, classes = scratch / "log", scratch / "classes"
    noting = [f"-XX:DumpLoadedClassList={classes}"]
    with nothing_left():
        server = start_kafka(software, scratch / "kafka", log, jvm_flags=noting)
        server.wait_until_ready()
        server.stop()
    dump = (
        "-Xshare:dump",
        f"-XX:SharedClassListFile={classes}",
        f"-XX:SharedArchiveFile={archive}",
    )
    run(java_command(software, *dump), log, scratch, DUMP_SECONDS)


def _key(software: Software) -> str:
    java = software.java.resolve()
    facts = (java, java.stat().st_mtime_ns, software.jars)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]

"""One Kafka broker in KRaft mode (it is its own controller) on the loopback interface."""

from __future__ import annotations

import base64
import socket
import struct
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from embedded.ports import HOST, free_port
from embedded.server import Server, launch, run, tail
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embedded.software import Software

FORMAT_SECONDS = 60.0

# Paths are relative to the working directory: this format would need them escaped.
# Flushed more often than Redis's append-only file (every second): after a power cut Redis may be
# behind the log and catches up by replay, but it must not be ahead of it.
CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}{second}
advertised.listeners=PLAINTEXT://{host}:{port}{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT
log.dirs=data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
offsets.retention.minutes=5256000
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.ms=-1
log.flush.interval.ms=500
log.flush.scheduler.interval.ms=250
log.cleaner.dedupe.buffer.size=4194304
"""
JVM_FLAGS = (
    "-XX:+UseSerialGC",  # the quickest start, and it leaves the second core to the workers
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class Detour:
    """A second way in: the broker listens on `port`, and sends who comes there to `advertised`."""

    port: int
    advertised: int


def start_kafka(
    software: Software,
    directory: Path,
    log: Path,
    *,
    port: int | None = None,
    heap: str = "512m",
    jvm_flags: Sequence[str] = (),
    detour: Detour | None = None,
) -> Server:
    """Start a broker on `directory`, formatted first if it is new; may block 2 s for that.

    The same directory can be started again later, on the same port or another.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = port or free_port()
    config = CONFIG.format(
        host=HOST,
        port=port,
        controller=free_port(),
        second=f",DETOUR://{HOST}:{detour.port}" if detour else "",
        advertised=f",DETOUR://{HOST}:{detour.advertised}" if detour else "",
    )
    (directory / "server.properties").write_text(config)
    if not (directory / "data" / "meta.properties").exists():
        _format(software, directory, log)
    quick = f"-XX:SharedArchiveFile={software.classes}"
    argv = java_command(
        software, quick, f"-Xmx{heap}", *jvm_flags, "kafka.Kafka", "server.properties"
    )
    return Server(
        name="Kafka",
        address=f"{HOST}:{port}",
        log=log,
        process=launch(argv, log, directory),
        ready=partial(is_serving, port),
    )


def is_serving(port: int) -> bool:
    """Whether the broker answers and lists itself (it does once it may be given partitions).

    One Metadata request, version 1, for no topics; the answer begins with the list of brokers.
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
    try:
        with socket.create_connection((HOST, port), timeout=1) as conn:
            conn.sendall(struct.pack(">i", len(request)) + request)
            answer = conn.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0  # noqa: PLR2004 - 3 int32


def java_command(software: Software, *arguments: str) -> list[str]:
    """The command that runs Kafka's classes with our flags, then `arguments`."""
    # Without a UTF-8 locale, as in an empty environment, java cannot open a path with an accent.
    java = ("env", "LC_ALL=C.UTF-8", str(software.java))
    return [*java, *JVM_FLAGS, "-cp", software.classpath, *arguments]


def _format(software: Software, directory: Path, log: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    quick = (f"-XX:SharedArchiveFile={software.classes}", "-XX:TieredStopAtLevel=1")
    tool = ("kafka.tools.StorageTool", "format", "--config", "server.properties")
    argv = java_command(software, *quick, *tool, f"--cluster-id={cluster}")  # may begin with a -
    if run(argv, log, directory, FORMAT_SECONDS) != 0:
        raise Refusal("Kafka's storage could not be formatted", f"See {log}\n{tail(log)}")

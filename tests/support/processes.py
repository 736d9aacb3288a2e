"""Workers as processes of their own, on the real Kafka and Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from redis import Redis

from event_handler.incarnations import Incarnations
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin
from pipeline.keys import Keys
from pipeline.origin import Origin
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics, group_of, incarnations_of
from tests.support.events import consumed
from tests.support.fakes import Records
from tests.support.kafka import Cluster, eventually
from use_cases.first_day_churn import USE_CASE

PARTITIONS = 2


def case_of(name: str) -> UseCase:
    """The default case under another name."""
    return replace(USE_CASE, name=name, topic_prefix=f"{name}-")


@dataclass
class Worker:
    """A running process."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Like kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ends(self, seconds: float = 60) -> int:
        """Its exit status, once it ends by itself."""
        return self.process.wait(seconds)

    def ends_on_sigterm(self, seconds: float = 5) -> int:
        """Its exit status after SIGTERM; fails when that takes longer."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@contextmanager
def running(command: Sequence[str], environ: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """A running program; it is gone at the end, whatever happens."""
    with (
        log.open("ab") as output,
        subprocess.Popen(command, env=environ, stdout=output, stderr=output, umask=0) as process,
    ):
        try:
            yield Worker(process, log)
        finally:
            process.kill()


@dataclass
class World:
    """A use case of a test's own, with its topics, its keys and its directories."""

    name: str
    cluster: Cluster
    redis: str
    directory: Path
    settings: dict[str, str] = field(default_factory=dict)

    @cached_property
    def case(self) -> UseCase:
        return case_of(self.name)

    @cached_property
    def topics(self) -> Topics:
        return Topics.of(self.case)

    @property
    def environ(self) -> dict[str, str]:
        mine = {
            "KAFKA": self.cluster.bootstrap,
            "REDIS": self.redis,
            "PARTITIONS": str(PARTITIONS),
            "INSTANCE": "only",
            "LOOKUPS": str(self.directory / "lookups"),
            "MODELS": str(self.directory / "models"),
            "BATCH_RECORDS": "200",
            "CACHED_ENTITIES": "10",
            **self.settings,
        }
        return {**os.environ, **{f"PIPELINE_{name}": value for name, value in mine.items()}}

    def create_topics(self) -> None:
        with Admin.connect(KafkaSettings(self.cluster.bootstrap)) as admin:
            admin.create(self.topics, PARTITIONS)

    @contextmanager
    def worker(self, stage: str, faults: str = "", **settings: str) -> Iterator[Worker]:
        """A running worker; it is gone at the end, whatever happens."""
        more = {f"PIPELINE_{name}": value for name, value in settings.items()}
        environ = {**self.environ, **more, "PIPELINE_FAULTS": faults}
        command = [sys.executable, "-m", "tests.support.worker_main", stage, self.name]
        with running(command, environ, self.directory / f"{stage}.log") as worker:
            yield worker

    def committed(self, stage: str) -> dict[tuple[str, int], int]:
        """What the group of a stage has committed."""
        with Admin.connect(KafkaSettings(self.cluster.bootstrap)) as admin:
            return admin.committed(group_of(self.case, stage))

    def ends(self, topic: str) -> dict[tuple[str, int], int]:
        """What a group has committed that has read all of a topic."""
        return {(topic, number): end for number, end in self.cluster.ends(topic).items()}

    def topic_id(self, topic: str) -> str:
        with Admin.connect(KafkaSettings(self.cluster.bootstrap)) as admin:
            return admin.topic_ids((topic,))[topic]

    def source_origin(self, partition: int, offset: int) -> Origin:
        """What the handler calls a record of the source."""
        kafka, source = KafkaSettings(self.cluster.bootstrap), self.topics.generated
        numbers = asyncio.run(Incarnations(kafka, incarnations_of(self.case)).known())
        return Origin(source, partition, offset, 0, numbers[(source, self.topic_id(source))])

    def applied(self, kind: str) -> int:
        """How many records the markers of a stage say are applied, over all partitions."""
        keys = Keys(self.name, kind)
        with Redis.from_url(self.redis) as client:
            offsets = [client.hget(keys.marker(number), "offset") for number in range(PARTITIONS)]
        return sum(int(offset) + 1 for offset in offsets if offset is not None)

    def wait_until_applied(self, kind: str, topic: str, worker: Worker) -> None:
        """Return once the markers are at the topic's end; fails when the worker ends."""
        total = sum(self.cluster.ends(topic).values())

        def done() -> bool:
            assert worker.is_running, worker.log.read_text()[-2000:]
            return self.applied(kind) == total

        eventually(done, 60)

    def kill_in_the_middle(self, stage: str, kind: str, topic: str) -> None:
        """Kill a worker once it has had an effect; return when the next one has done the rest."""
        with self.worker(stage) as worker:
            eventually(lambda: self.applied(kind) > 0, 60)
            worker.kill()
        with self.worker(stage) as worker:
            self.wait_until_applied(kind, topic, worker)
            assert worker.ends_on_sigterm() == 0

    def crash(self, stage: str, kind: str, topic: str, faults: str, status: int) -> None:
        """Let a worker end by a fault point; return when the next one has done the rest."""
        with self.worker(stage, faults) as worker:
            assert worker.ends() == status
        with self.worker(stage) as worker:
            self.wait_until_applied(kind, topic, worker)

    def entities(self, kind: str) -> dict[str, Mapping[bytes, bytes]]:
        """The hashes of one kind under the live generations, by entity."""
        keys = Keys(self.name, kind)
        found = {}
        with Redis.from_url(self.redis) as client:
            for number in range(PARTITIONS):
                generation = client.hget(keys.marker(number), "generation") or b""
                prefix = keys.prefix(number, generation.decode())
                for key in client.scan_iter(match=f"{prefix}*"):
                    found[key.decode().removeprefix(prefix)] = client.hgetall(key)
        return found

    def logged(self, topic: str) -> dict[int, Records]:
        """A topic as a consumer reads it."""
        return {
            partition: [
                consumed(
                    one.value,
                    topic=topic,
                    partition=partition,
                    offset=one.offset,
                    key=one.key,
                    headers=one.headers,
                )
                for one in records
            ]
            for partition, records in self.cluster.read(topic).items()
        }

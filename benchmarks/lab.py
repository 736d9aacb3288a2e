"""The servers of one run of the benchmarks, and how what is in them is made empty again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import RetriableError
from redis import Redis

import use_cases
from benchmarks.size import Size
from embedded.stack import Endpoints
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin
from pipeline.kafka.client import kafka_python_options
from pipeline.keys import Keys
from pipeline.settings import Settings, read_settings
from pipeline.topics import Topics, group_of

INSTANCE = "bench"
PARTITIONS = 8
CASE = "first_day_churn"
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lab:
    """Where all contenders run: the workers on `topics`, their counterparts on `naive`."""

    size: Size
    directory: Path
    endpoints: Endpoints
    environ: Mapping[str, str]
    settings: Settings
    case: UseCase
    topics: Topics
    naive: Topics
    client: KafkaAdminClient
    redis: Redis

    @property
    def partitions(self) -> int:
        """How many each topic has."""
        return self.settings.partitions

    @property
    def data(self) -> Path:
        """Where Parquet files go."""
        return self.settings.data_dir

    @property
    def generated(self) -> Path:
        """Where the generated lookup tables go."""
        return self.directory / "generated"

    @property
    def lookup_file(self) -> Path:
        """The default case's one."""
        return self.generated / "socioeconomic_idx.csv"

    @property
    def model(self) -> Path:
        """The scikit-learn original of the shipped model's kind."""
        return self.directory / "model.pickle"

    def create_topics(self) -> None:
        """Make whatever is missing."""
        for topics in (self.topics, self.naive):
            self._admin.create(topics, self.partitions)

    def empty(self, *names: str) -> None:
        """Make these topics anew."""
        self.client.delete_topics(list(names), raise_errors=False)
        wait(lambda: not self._admin.partitions(names), f"{names} to be gone")
        self.create_topics()

    def forget_state(self, kind: str) -> None:
        """Drop a stateful stage's entities and markers: its log starts at 0, and so does it."""
        self.forget_keys(f"{self.case.name}:{kind}:", f"{self.case.name}:marker:{kind}:")

    def forget_keys(self, *prefixes: str) -> None:
        """Drop all Redis keys that begin so."""
        for prefix in prefixes:
            keys = list(self.redis.scan_iter(f"{prefix}*", count=1_000))
            if keys:
                self.redis.delete(*keys)

    def forget_group(self, stage: str) -> None:
        """Drop a stage's committed offsets, and the place it keeps in its group when it ends."""
        group = group_of(self.case, stage)
        wait(lambda: self._forgotten(group), f"the group {group} to be gone")

    def written(self, *names: str) -> int:
        """Records acknowledged in these topics."""
        return sum(sum(self.ends(name)) for name in names)

    def ends(self, name: str) -> list[int]:
        """The next offset to be written, partition by partition."""
        found = self._admin.ends([(name, number) for number in self._numbers])
        return [found[(name, number)] for number in self._numbers]

    def marked(self, kind: str) -> int:
        """Records that the markers of a stateful stage say are applied."""
        keys = Keys(self.case.name, kind)
        with self.redis.pipeline(transaction=False) as asked:
            for number in self._numbers:
                asked.hget(keys.marker(number), "offset")
            return sum(int(offset) + 1 for offset in asked.execute() if offset is not None)

    def settled(self, group: str) -> int:
        """How many members a consumer group has; 0 while it shares out its partitions."""
        try:
            found = self.client.describe_groups([group])[group]
        except RetriableError:  # a fresh broker's first groups
            return 0
        return len(found["members"]) if found["group_state"] == "Stable" else 0

    def generations(self, kind: str) -> list[str]:
        """The live generation of a stateful stage, partition by partition."""
        keys = Keys(self.case.name, kind)
        found: list[Any] = [
            self.redis.hget(keys.marker(number), "generation") for number in self._numbers
        ]
        return [one.decode() for one in found]

    def _forgotten(self, group: str) -> bool:
        member = MemberToRemove(group_instance_id=f"{group}-{INSTANCE}")
        try:
            self.client.remove_group_members(group, [member])
            self.client.delete_groups([group])
            return not self._admin.committed(group)
        except RetriableError:  # a fresh broker's first groups
            return False

    @property
    def _numbers(self) -> range:
        return range(self.partitions)

    @property
    def _admin(self) -> Admin:
        return Admin(self.client, replication=1)


@contextmanager
def lab(
    size: Size,
    directory: Path,
    endpoints: Endpoints,
    case_name: str = CASE,
    partitions: int = PARTITIONS,
) -> Iterator[Lab]:
    """The lab of a use case on running servers, with all its topics."""
    own = {"PIPELINE_USE_CASE": case_name, "PIPELINE_PARTITIONS": str(partitions)}
    environ = {**_environ(directory, endpoints), **own}
    settings, case = read_settings(environ), use_cases.load(case_name)
    directory.mkdir(exist_ok=True)
    client = KafkaAdminClient(client_id="bench", **kafka_python_options(settings.kafka))
    redis = Redis.from_url(endpoints.redis)
    try:
        made = Lab(
            size=size,
            directory=directory,
            endpoints=endpoints,
            environ=environ,
            settings=settings,
            case=case,
            topics=Topics.of(case),
            naive=Topics.of(replace(case, topic_prefix="naive-")),
            client=client,
            redis=redis,
        )
        made.create_topics()
        yield made
    finally:
        client.close()
        redis.close()


def _environ(directory: Path, endpoints: Endpoints) -> dict[str, str]:
    """What every process sees: no setting of ours from outside, so that the defaults are run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    return {
        **kept,
        "PIPELINE_KAFKA": endpoints.kafka,
        "PIPELINE_REDIS": endpoints.redis,
        "PIPELINE_INSTANCE": INSTANCE,
        "PIPELINE_DATA": str(directory / "data"),
        "PIPELINE_LOOKUPS": str(directory / "lookups"),
        "PIPELINE_LOG_LEVEL": "warning",
    }


def wait(done: Callable[[], bool], what: str) -> None:
    """Return once `done`. Raises InfrastructureError after a minute."""
    deadline = time.monotonic() + _SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise InfrastructureError(f"waited {_SECONDS:g} s for {what}")
        time.sleep(0.05)

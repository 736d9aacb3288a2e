"""Topics: their ids, making them, and refusing what would break a promise. Blocking calls."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NoError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from pipeline.errors import InfrastructureError, Refusal
from pipeline.kafka.client import kafka_python_options
from pipeline.kafka.topic_ids import text_of
from pipeline.settings import KafkaSettings
from pipeline.topics import SOURCE_MAX_BYTES, Topics

_REQUIRED = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}
_KEPT = {"retention.ms": "-1", "retention.bytes": "-1"}
_NO_ERROR, _ALREADY_EXISTS = 0, 36
_BOOTSTRAP_MS = 5_000  # whoever waits for a broker asks again, and may be told to stop meanwhile
_NEW_TOPIC_MS = 60_000  # a broker on a slow disk was seen to take more than ten seconds
_COORDINATOR_TRIES, _COORDINATOR_PAUSE = 50, 0.2


class Commit(NamedTuple):
    """What a group has committed for a partition: the next offset, and a note of its own."""

    offset: int
    note: str = ""


class Admin:
    """A blocking client for topics; use it as `with Admin.connect(settings) as admin`."""

    def __init__(self, client: KafkaAdminClient, replication: int) -> None:
        self._client = client
        self._replication = replication

    @classmethod
    @contextlib.contextmanager
    def connect(cls, settings: KafkaSettings) -> Iterator[Admin]:
        """An Admin that is closed at the end. Raises InfrastructureError when Kafka fails."""
        client = None
        try:
            client = KafkaAdminClient(
                client_id="pipeline-admin",
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                **kafka_python_options(settings),
            )
            yield cls(client, settings.replication)
        except KafkaError as error:
            raise InfrastructureError(f"Kafka at {settings.bootstrap}: {error}") from error
        finally:
            if client is not None:
                client.close()

    def topic_ids(self, names: tuple[str, ...]) -> dict[str, str]:
        """The id of each topic. Raises Refusal for one that does not exist."""
        ids = self.known_ids(names)
        for name in names:
            if name not in ids:
                raise Refusal(f"topic {name} does not exist", "Run `pipeline topics create`")
        return ids

    def known_ids(self, names: tuple[str, ...]) -> dict[str, str]:
        """The id of each topic that exists."""
        described = self._describe(names)
        return {
            name: text_of(uuid.UUID(described[name]["topic_id"]).bytes)
            for name in names
            if name in described
        }

    def partitions(self, names: tuple[str, ...]) -> dict[str, int]:
        """The number of partitions of each topic that exists."""
        return {name: len(topic["partitions"]) for name, topic in self._describe(names).items()}

    def count(self, name: str) -> int:
        """The number of partitions of a topic. Raises Refusal where it does not exist."""
        self.topic_ids((name,))
        return self.partitions((name,))[name]

    def create(self, topics: Topics, partitions: int) -> list[str]:
        """Make what is missing of a use case's topics, the source included; returns their names."""
        return self.create_all({topics.generated: SOURCE_MAX_BYTES, **topics.ours}, partitions)

    def create_kept(self, name: str) -> None:
        """Make a topic of one partition that keeps all it gets, unless it is there.

        Raises Refusal for one that would lose something.
        """
        if name not in self.partitions((name,)):
            self.make(name, 1, _REQUIRED | _KEPT)
        self.check({name: 0}, 1)
        _require(name, self.configs((name,))[name], _KEPT)

    def create_all(self, wanted: Mapping[str, int], partitions: int) -> list[str]:
        """Make what is missing of topics like ours: name -> largest record; returns their names."""
        present = self._describe(tuple(wanted))
        missing = {name: size for name, size in wanted.items() if name not in present}
        for name, size in missing.items():
            self.make(name, partitions, {**_REQUIRED, "max.message.bytes": str(size)})
        return sorted(missing)

    def make(self, name: str, partitions: int, configs: Mapping[str, str]) -> None:
        """Make a topic, unless it is there, and wait until it can be used."""
        options = {
            "num_partitions": partitions,
            "replication_factor": self._replication,
            "configs": dict(configs),
        }
        reply = self._client.create_topics({name: options}, raise_errors=False)
        for answer in reply["topics"]:
            if answer["error_code"] not in (_NO_ERROR, _ALREADY_EXISTS):
                raise InfrastructureError(f"topic {name}: {answer['error_message']}")
        self._client.wait_for_topics([name], timeout_ms=_NEW_TOPIC_MS)

    def check(self, topics: Mapping[str, int], partitions: int) -> None:
        """Refuse topics that break a promise: name -> largest record it must take (bytes)."""
        names = tuple(topics)
        self.topic_ids(names)
        for name, count in self.partitions(names).items():
            if count != partitions:
                raise Refusal(
                    f"topic {name} has {count} partitions, not {partitions}",
                    "Set PIPELINE_PARTITIONS to the number that all our topics have; if they had "
                    "another one before, stop all workers and run `pipeline rebuild --new-epoch`",
                )
        for name, config in self.configs(names).items():
            _check_config(name, config, topics[name])

    def configs(self, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """The effective configuration of each topic."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found = self._client.describe_configs(resources, config_filter="all")["topic"]
        return {
            name: {key: entry["value"] for key, entry in config.items()}
            for name, config in found.items()
        }

    def ends(self, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The next offset to be written of each (topic, partition)."""
        return self._offsets(partitions, OffsetSpec.LATEST)

    def starts(self, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The first offset that is still there of each (topic, partition)."""
        return self._offsets(partitions, OffsetSpec.EARLIEST)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The offsets that a consumer group has committed.

        Blocks for some seconds where the broker has only begun to keep groups.
        """
        return {place: commit.offset for place, commit in self.commits(group).items()}

    def commits(self, group: str) -> dict[tuple[str, int], Commit]:
        """The same with the notes."""
        found = _coordinated(lambda: self._client.list_group_offsets({group: None}))[group]
        return {
            (tp.topic, tp.partition): Commit(entry.offset, entry.metadata or "")
            for tp, entry in found.items()
        }

    def commit(self, group: str, commits: Mapping[tuple[str, int], Commit]) -> None:
        """Commit for a group that has no members. Raises InfrastructureError where it has some."""
        wanted = {
            TopicPartition(*place): OffsetAndMetadata(one.offset, one.note, -1)
            for place, one in commits.items()
        }
        try:
            _coordinated(lambda: _succeeded(self._client.alter_group_offsets(group, wanted)))
        except KafkaError as error:
            raise InfrastructureError(f"commit of {group}: {error!r}") from error

    def members(self, groups: tuple[str, ...]) -> dict[str, list[str]]:
        """The members of each consumer group that has some, by the names they gave themselves.

        Who ended without leaving is a member until the session has run out.
        """
        found = _coordinated(lambda: self._client.describe_groups(list(groups)))
        return {
            group: [one["group_instance_id"] or one["client_id"] for one in description["members"]]
            for group, description in found.items()
            if description["members"]
        }

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """Let (topic, partition) lose its records before an offset, at most its end."""
        self._client.delete_records(
            {TopicPartition(*place): offset for place, offset in before.items()}
        )

    def _offsets(
        self, partitions: list[tuple[str, int]], spec: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        wanted = {TopicPartition(*one): spec for one in partitions}
        found = self._client.list_partition_offsets(wanted)
        return {(tp.topic, tp.partition): entry.offset for tp, entry in found.items()}

    def _describe(self, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        answers = self._client.describe_topics(list(names))
        return {one["name"]: one for one in answers if one["error_code"] == _NO_ERROR}


def _coordinated(ask: Callable[[], Any]) -> Any:
    """The answer of a group's coordinator, which a broker that has just begun still has to find."""
    for _ in range(_COORDINATOR_TRIES - 1):
        with contextlib.suppress(
            CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError
        ):
            return ask()
        time.sleep(_COORDINATOR_PAUSE)
    return ask()


def _succeeded(answers: Mapping[TopicPartition, type[KafkaError]]) -> None:
    """Raise what the coordinator has answered for any partition."""
    for error in answers.values():
        if error is not NoError:
            raise error


def _check_config(name: str, config: Mapping[str, str], max_bytes: int) -> None:
    _require(name, config, _REQUIRED)
    if int(config["max.message.bytes"]) < max_bytes:
        raise Refusal(
            f"topic {name} takes records up to {config['max.message.bytes']} bytes",
            f"Set max.message.bytes={max_bytes} on the topic",
        )


def _require(name: str, config: Mapping[str, str], required: Mapping[str, str]) -> None:
    for key, wanted in required.items():
        if config.get(key) != wanted:
            raise Refusal(
                f"topic {name} has {key}={config.get(key)}", f"Set {key}={wanted} on the topic"
            )

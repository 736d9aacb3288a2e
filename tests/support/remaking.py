"""A topic that is deleted, made again under its name and filled, within a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaProducer

from tests.support.kafka import OURS, eventually


class Remaker:
    """Keeps its clients open, so that a topic is gone for a few milliseconds only."""

    def __init__(self, admin: KafkaAdminClient, producer: KafkaProducer, topic: str) -> None:
        self._admin = admin
        self._producer = producer
        self._topic = topic

    @classmethod
    @contextmanager
    def of(cls, bootstrap: str, topic: str) -> Iterator[Remaker]:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=0)
        try:
            yield cls(admin, producer, topic)
        finally:
            producer.close()
            admin.close()

    def append(self, values: Sequence[bytes], partition: int = 0) -> None:
        """Returns when all is stored."""
        sent = [self._producer.send(self._topic, value, partition=partition) for value in values]
        for future in sent:
            future.get(30)

    def remake(self, values: Sequence[bytes], partitions: int = 1) -> None:
        """Delete the topic, make it again, and fill its first partition."""
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": OURS}
        self._admin.delete_topics([self._topic])
        eventually(lambda: self._is_made(options))
        self.append(values)

    def _is_made(self, options: dict[str, object]) -> bool:
        reply = self._admin.create_topics({self._topic: options}, raise_errors=False)
        return all(topic["error_code"] == 0 for topic in reply["topics"])

"""Topic ids: asking for them, and fetching by them in place of the name.

A topic that is deleted and made again keeps its name and its offsets begin anew. aiokafka knows
topics by name alone, so it would go on in the new topic at the old one's offset. A fetch by topic
id is answered by the broker itself: the records are of this id, or there are none. aiokafka has no
such request, so the newer versions of two requests are defined here (Kafka's protocol guide).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from pipeline.errors import Refusal

_FETCH, _METADATA = 1, 3
_FETCH_VERSION, _METADATA_VERSION = 13, 12
_NO_ERROR, _UNKNOWN_TOPIC = 0, 3
_OTHER_TOPIC = frozenset({_UNKNOWN_TOPIC, 100, 103})  # unknown, or inconsistent, topic id
_CONSUMER = -1
_NO_EPOCH = -1
_NO_SESSION = (0, -1)
_NO_TAGS: dict[int, bytes] = {}
_ID_BYTES = 16
_NO_ID = bytes(_ID_BYTES)

Versions = Mapping[int, tuple[int, int]]
Wanted = Sequence[tuple[str, Sequence[tuple[int, int, int]]]]
"""(partition, offset, bytes at most) by topic name."""


class _TopicId:
    """A UUID on the wire, as its bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_ID_BYTES)

    @classmethod
    def repr(cls, value: bytes) -> str:
        return text_of(value)


def text_of(topic_id: bytes) -> str:
    """Kafka's own way to write a topic id: 22 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(topic_id).decode().rstrip("=")


def _bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}==")


class _MetadataResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    API_KEY, API_VERSION = _METADATA, _METADATA_VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _TopicId),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    API_KEY, API_VERSION, FLEXIBLE_VERSION = _METADATA, _METADATA_VERSION, True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _TopicId),
                ("name", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Metadata(Request[_MetadataStruct]):  # type: ignore[misc] # aiokafka ships no types
    """What a broker knows of some topics; makes none."""

    API_KEY = _METADATA

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = topics

    def prepare(self, versions: Versions) -> _MetadataStruct:
        """The overridden method's. Raises Refusal where the broker knows no topic ids."""
        for key, version in ((_METADATA, _METADATA_VERSION), (_FETCH, _FETCH_VERSION)):
            least, most = versions.get(key, (0, 0))
            if not least <= version <= most:
                raise Refusal(
                    f"this Kafka cannot fetch by topic id (request {key} of version {version})",
                    "Use Kafka 3.1 or newer",
                )
        return self.build(_MetadataStruct)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        """The overridden method's."""
        topics = [(_NO_ID, topic, _NO_TAGS) for topic in self._topics]
        return request_struct_class(topics, False, False, _NO_TAGS)  # noqa: FBT003 - as the protocol has them


class Described(NamedTuple):
    """A topic as a broker knows it."""

    topic_id: str
    partitions: int


async def describe(client: Any, node: int, topics: Collection[str]) -> dict[str, Described]:
    """Those of the topics that the broker `node` knows, by name; `client` is aiokafka's.

    Raises KafkaError, and Refusal where the broker is too old.
    """
    answer = await client.send(node, _Metadata(topics))
    return {
        name: Described(text_of(topic_id), len(partitions))
        for error, name, topic_id, _, partitions, *_ in answer.topics
        if error == _NO_ERROR and name in topics
    }


class _FetchResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    API_KEY, API_VERSION = _FETCH, _FETCH_VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("session_id", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", _TopicId),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("highwater_offset", Int64),
                        ("last_stable_offset", Int64),
                        ("log_start_offset", Int64),
                        (
                            "aborted_transactions",
                            CompactArray(
                                ("producer_id", Int64),
                                ("first_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("preferred_read_replica", Int32),
                        ("message_set", CompactBytes),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _FetchStruct(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    API_KEY, API_VERSION, FLEXIBLE_VERSION = _FETCH, _FETCH_VERSION, True
    RESPONSE_TYPE = _FetchResponse
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("max_wait_time", Int32),
        ("min_bytes", Int32),
        ("max_bytes", Int32),
        ("isolation_level", Int8),
        ("session_id", Int32),
        ("session_epoch", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", _TopicId),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("current_leader_epoch", Int32),
                        ("fetch_offset", Int64),
                        ("last_fetched_epoch", Int32),
                        ("log_start_offset", Int64),
                        ("max_bytes", Int32),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        (
            "forgotten_topics_data",
            CompactArray(
                ("topic_id", _TopicId),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("rack_id", CompactString("utf-8")),
        ("tags", TaggedFields),
    )


class _Answer(NamedTuple):
    """A response as aiokafka's fetcher takes one apart (that of version 11): topics by name."""

    topics: list[tuple[str, list[tuple[Any, ...]]]]
    API_VERSION: int = 11


class FetchById(Request[_FetchStruct]):  # type: ignore[misc] # aiokafka ships no types
    """A fetch of aiokafka's, of the topics that had these ids (name -> id)."""

    API_KEY = _FETCH

    def __init__(
        self,
        fetch: FetchRequest,
        topics: Wanted,
        ids: Mapping[str, str],
        another: Callable[[], None],
    ) -> None:
        """Of `fetch`, what is wanted; `another` is called where the broker has an id no more."""
        self._fetch = fetch
        self.topics = topics
        self._ids = ids
        self._another = another

    def build(self, request_struct_class: type[_FetchStruct]) -> _FetchStruct:
        """The overridden method's."""
        fetch = self._fetch
        request = request_struct_class(
            _CONSUMER,
            fetch._max_wait_ms,  # noqa: SLF001 - aiokafka's builder gives them out in no other way
            fetch._min_bytes,  # noqa: SLF001 - as above
            fetch._max_bytes,  # noqa: SLF001 - as above
            fetch._isolation_level,  # noqa: SLF001 - as above
            *_NO_SESSION,
            [
                (_bytes_of(self._ids[topic]), _asked(wanted), _NO_TAGS)
                for topic, wanted in self.topics
            ],
            [],
            fetch._rack_id,  # noqa: SLF001 - as above
            _NO_TAGS,
        )
        request.RESPONSE_TYPE = self  # aiokafka decodes the response by what stands here
        return request

    def decode(self, data: BytesIO) -> _Answer:
        """What the broker answered."""
        names = {_bytes_of(self._ids[topic]): topic for topic, _ in self.topics}
        topics = [
            (names[topic_id], [self._partition(*partition) for partition in partitions])
            for topic_id, partitions, _ in _FetchResponse.decode(data).topics
        ]
        return _Answer(topics)

    def _partition(self, number: int, error: int, *rest: Any) -> tuple[Any, ...]:
        highwater, stable, start, aborted, replica, records, _ = rest
        if error in _OTHER_TOPIC:
            self._another()
            error = _UNKNOWN_TOPIC
        transactions = [(producer, first) for producer, first, _ in aborted or ()]
        return (number, error, highwater, stable, start, transactions, replica, records or b"")


def _asked(wanted: Iterable[tuple[int, int, int]]) -> list[tuple[Any, ...]]:
    return [
        (partition, _NO_EPOCH, offset, _NO_EPOCH, -1, most, _NO_TAGS)
        for partition, offset, most in wanted
    ]

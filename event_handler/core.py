"""What becomes of one source record. Pure."""

from __future__ import annotations

import msgspec

from pipeline.errors import DataError
from pipeline.origin import Origin, cause
from pipeline.partitioner import partition_of
from pipeline.records import InRecord, OutRecord, Target
from pipeline.rejection import refuse_cut, rejection
from pipeline.topics import Topics
from pipeline.validation import Validator

STAGE = "event_handler"
REJECTED = "rejected"
FORWARDED = "forwarded"

_NO_TIME = 2**62  # a record without a timestamp of its own sets no upper limit


class Handled(msgspec.Struct, frozen=True, gc=False):
    """Where a record goes, and what the metrics say of it: its event type or its reason."""

    target: Target
    record: OutRecord
    outcome: str
    kind: str
    repaired_key: bool = False


class Handler:
    """Canonicalises and repartitions the records of one use case."""

    def __init__(self, validator: Validator, topics: Topics, partitions: int) -> None:
        self._validator = validator
        self._partitions = partitions
        self._forwards, self._rejects = (
            [Target(topic, number) for number in range(partitions)]
            for topic in (topics.incoming, topics.rejected)
        )

    def handle(self, incarnation: int, record: InRecord) -> Handled:
        """The one output of `record`; an origin that it carries already is overwritten.

        `incarnation` is that of its topic.
        """
        origin = Origin(record.topic, record.partition, record.offset, 0, incarnation)
        try:
            return self._forward(origin, record)
        except DataError as error:
            return self._reject(origin, record, error)

    def _forward(self, origin: Origin, record: InRecord) -> Handled:
        refuse_cut(record)
        record_time = record.timestamp * 1000 if record.timestamp >= 0 else _NO_TIME
        event = self._validator.canonical(record.value, record_time)
        key = event.entity.encode()
        target = self._forwards[partition_of(key, self._partitions)]
        headers = cause(origin, record.timestamp)
        repaired = record.key is not None and record.key != key
        return Handled(
            target, OutRecord(key, event.value, headers), FORWARDED, event.event_type, repaired
        )

    def _reject(self, origin: Origin, record: InRecord, error: DataError) -> Handled:
        target = self._rejects[record.partition % self._partitions]
        return Handled(target, rejection(record, STAGE, origin, error), REJECTED, error.reason)

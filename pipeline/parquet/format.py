"""The log as Parquet: each topic's schema, what a file's footer says, and how a file is written.

`<dir>/<topic>/date=YYYY-MM-DD/<partition>-<first expected offset>.parquet`, by append time, UTC.
Every record of a topic is in exactly one file, replays and control records too. Names that begin
with an underscore are not part of the log. The rows of a compacted file are by entity and event
time: for the order of the log sort by offset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.declaration import Field, Integer, Number, Text, UseCase
from pipeline.errors import Refusal
from pipeline.origin import Highest
from pipeline.topics import Topics, mails_of, offers_of

SCHEMA_VERSION = 1
_COMPACTED = "compacted"
EVENT, CONTROL = "event", "control"
INSTANT = pa.timestamp("us", tz="UTC")
MILLISECOND = pa.timestamp("ms", tz="UTC")

Origins = Mapping[str, Highest]
"""The highest origins so far of each writing stage; "" where a topic has one writer."""

_LOG = (
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("timestamp", MILLISECOND, nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("replayed", pa.bool_(), nullable=False),
    pa.field("origin", pa.string(), nullable=False),
    pa.field("origin_time", MILLISECOND),
)
_KEPT = (
    pa.field("extra", pa.string()),
    pa.field("control", pa.string()),
    pa.field("raw", pa.binary()),
)
_REJECTED = (
    pa.field("stage", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("detail", pa.string()),
    pa.field("key", pa.binary()),
    pa.field("value", pa.binary()),
)
_TYPES: dict[type[Field], pa.DataType] = {
    Text: pa.string(),
    Integer: pa.int64(),
    Number: pa.float64(),
}
DATE = pa.field("date", pa.date32())
_UNIQUE = frozenset({"origin", "event_id", "id", "detail", "extra", "control"})


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself: it holds `partition` from offset `first` to `last`.

    The rows of a compacted file are not in the order of their offsets.
    """

    topic_id: str
    partition: int
    first: int
    last: int
    origins: Origins
    compacted: bool = False

    def encode(self) -> dict[str, str]:
        """The file's key-value metadata."""
        return {
            "schema_version": str(SCHEMA_VERSION),
            "topic_id": self.topic_id,
            "partition": str(self.partition),
            "first_offset": str(self.first),
            "last_offset": str(self.last),
            "origins": encode_origins(self.origins),
            **({_COMPACTED: "true"} if self.compacted else {}),
        }

    @classmethod
    def read(cls, path: Path) -> Footer:
        """The footer of a file of the log. Raises OSError, or ValueError where it is none."""
        return cls.of(pq.read_schema(path), path)

    @classmethod
    def of(cls, schema: pa.Schema, path: Path) -> Footer:
        """The footer in the schema of the file at `path`. Raises ValueError where it is none."""
        metadata = schema.metadata or {}
        try:
            return cls(
                metadata[b"topic_id"].decode(),
                int(metadata[b"partition"]),
                int(metadata[b"first_offset"]),
                int(metadata[b"last_offset"]),
                decode_origins(metadata[b"origins"]),
                _COMPACTED.encode() in metadata,
            )
        except KeyError as missing:
            raise ValueError(f"{path} says nothing of {missing}") from None


def encode_origins(origins: Origins) -> str:
    """As JSON text."""
    return json.dumps({stage: highest.encode() for stage, highest in origins.items()})


def decode_origins(text: str | bytes) -> dict[str, Highest]:
    """The inverse of `encode_origins`. Raises ValueError."""
    return {stage: Highest.decode(places) for stage, places in json.loads(text).items()}


def schemas(case: UseCase) -> dict[str, pa.Schema]:
    """The schema of each logged topic, by its name.

    Raises Refusal where a declared name is that of a column of the log itself.
    """
    topics = Topics.of(case)
    return {
        topics.incoming: _schema(case, (*_LOG, *event_fields(case), *_KEPT)),
        topics.inferences: _schema(case, (*_LOG, *inference_fields(case), *_KEPT)),
        topics.rejected: _schema(case, (*_LOG, *_REJECTED)),
    }


def offer_schemas(case: UseCase) -> dict[str, pa.Schema]:
    """The schema of each topic that is logged only where offers are on. Raises Refusal."""
    return {
        offers_of(case): _schema(case, (*_LOG, *offer_fields(case), *_KEPT)),
        mails_of(case): _schema(case, (*_LOG, *mail_fields(case), *_KEPT)),
    }


def event_fields(case: UseCase) -> tuple[pa.Field, ...]:
    """The typed columns of an event: what all have, then the fields of all event types."""
    declared = {one.name: _TYPES[type(one)] for event in case.events for one in event.fields}
    return (
        pa.field(case.entity, pa.string()),
        pa.field("event_type", pa.string()),
        pa.field("event_time", INSTANT),
        pa.field("event_id", pa.string()),
        pa.field("schema_version", pa.int64()),
        *(pa.field(name, kind) for name, kind in declared.items()),
    )


def inference_fields(case: UseCase) -> tuple[pa.Field, ...]:
    """The typed columns of an inference; `lookups` is JSON text, `feature_age` seconds.

    The last three are null unless a challenger scored the same inputs, and served nobody.
    """
    return (
        pa.field("id", pa.string()),
        pa.field("scored_at", INSTANT),
        pa.field(case.entity, pa.string()),
        pa.field("event_type", pa.string()),
        pa.field("event_time", INSTANT),
        pa.field("as_of", INSTANT),
        pa.field("model", pa.string()),
        pa.field("version", pa.string()),
        pa.field("model_hash", pa.string()),
        pa.field("lookups", pa.string()),
        pa.field("schema_version", pa.int64()),
        *feature_fields(case),
        pa.field("probability", pa.float64()),
        pa.field("decision", pa.string()),
        pa.field("feature_age", pa.float64()),
        pa.field("shadow_version", pa.string()),
        pa.field("shadow_hash", pa.string()),
        pa.field("shadow_probability", pa.float64()),
    )


def offer_fields(case: UseCase) -> tuple[pa.Field, ...]:
    """The typed columns of a decision about an offer; `reason` is null where it is a yes."""
    return (
        pa.field("id", pa.string()),
        pa.field("decided_at", INSTANT),
        pa.field(case.entity, pa.string()),
        pa.field("as_of", INSTANT),
        pa.field("model", pa.string()),
        pa.field("version", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("campaign", pa.string()),
        pa.field("offer", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("contacts", pa.string()),
        pa.field("schema_version", pa.int64()),
    )


def mail_fields(case: UseCase) -> tuple[pa.Field, ...]:
    """The typed columns of what became of an e-mail; `id` is the decision's."""
    return (
        pa.field("id", pa.string()),
        pa.field("at", INSTANT),
        pa.field(case.entity, pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("schema_version", pa.int64()),
    )


def feature_fields(case: UseCase) -> tuple[pa.Field, ...]:
    """One column for each feature, the model's inputs first; counts are integers."""
    counts = case.whole
    return tuple(
        pa.field(name, pa.int64() if name in counts else pa.float64())
        for name in dict.fromkeys((*case.inputs, *case.features))
    )


def write(table: pa.Table, sink: BinaryIO, **options: Any) -> None:
    """Write a file of the log; `options` are those of `pq.write_table`."""
    few = [one.name for one in table.schema if _repeats(one)]
    pq.write_table(table, sink, compression="zstd", use_dictionary=few, **options)


def _repeats(field: pa.Field) -> bool:
    """Whether few values stand for many rows, so that a dictionary is worth its time."""
    return bool(pa.types.is_string(field.type) and field.name not in _UNIQUE)


def _schema(case: UseCase, fields: Sequence[pa.Field]) -> pa.Schema:
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1} | {DATE.name} & {*names})
    if twice:
        raise Refusal(
            f"use case {case.name} declares {', '.join(twice)}, a column of the log itself",
            "Give it another name",
        )
    return pa.schema(fields)

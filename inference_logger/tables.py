"""Rows of one logged topic as a table: what Kafka says of them, then their content."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.contents import Content, JsonContent, RejectedContent
from inference_logger.events import EventShape
from inference_logger.flat import FlatShape
from inference_logger.inferences import InferenceShape
from inference_logger.rows import Rows
from pipeline.declaration import UseCase
from pipeline.origin import MOST_MILLISECONDS, milliseconds_of
from pipeline.parquet.format import (
    CONTROL,
    EVENT,
    MILLISECOND,
    mail_fields,
    offer_fields,
    offer_schemas,
    schemas,
)
from pipeline.topics import Topics, mails_of, offers_of


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of a topic become columns."""

    schema: pa.Schema
    content: Content

    def table(self, partition: int, rows: Rows) -> pa.Table:
        """The table of these rows of `partition`."""
        columns = {
            "partition": pa.repeat(pa.scalar(partition, pa.int32()), len(rows)),
            "offset": pa.array(rows.offsets, pa.int64()),
            "timestamp": pa.array(rows.timestamps, MILLISECOND),
            "kind": _kinds(rows.controls),
            "replayed": pa.array(rows.replayed, pa.bool_()),
            "origin": pa.array(rows.origins, pa.binary()).cast(pa.string()),
            "origin_time": _times(rows.times),
            **self.content.columns(rows),
        }
        return pa.table([columns[name] for name in self.schema.names], schema=self.schema)


def layouts(case: UseCase) -> dict[str, Layout]:
    """How each logged topic of this case becomes columns, by its name. Raises Refusal."""
    topics, known = Topics.of(case), {**schemas(case), **offer_schemas(case)}
    contents: dict[str, Content] = {
        topics.incoming: JsonContent(EventShape.of(case)),
        topics.inferences: JsonContent(InferenceShape.of(case)),
        topics.rejected: RejectedContent(),
        offers_of(case): JsonContent(FlatShape.of(offer_fields(case), ("id", "offer"))),
        mails_of(case): JsonContent(FlatShape.of(mail_fields(case), ("id", "outcome"))),
    }
    return {name: Layout(known[name], content) for name, content in contents.items()}


def _kinds(controls: list[bool]) -> pa.Array:
    if not any(controls):
        return pa.repeat(pa.scalar(EVENT), len(controls))
    return pa.array([CONTROL if control else EVENT for control in controls], pa.string())


def _times(texts: list[bytes | None]) -> pa.Array:
    """Milliseconds as decimal text; what is none is as good as absent."""
    try:
        numbers = pa.array(texts, pa.binary()).cast(pa.string()).cast(pa.int64())
        limits = pc.min_max(numbers).as_py()
        is_told = 0 <= (limits["min"] or 0) <= (limits["max"] or 0) <= MOST_MILLISECONDS
    except pa.ArrowInvalid:
        is_told = False
    if not is_told:
        numbers = pa.array([milliseconds_of(text) for text in texts], pa.int64())
    return numbers.cast(MILLISECOND)

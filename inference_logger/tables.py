"""Records of one logged topic as one table: what Kafka says of them, then their content."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from inference_logger.contents import (
    Columns,
    Content,
    Heads,
    JsonContent,
    Records,
    RejectedContent,
    read_heads,
)
from inference_logger.position import Position
from inference_logger.replays import judge
from inference_logger.shapes import EventShape, InferenceShape
from pipeline.declaration import UseCase
from pipeline.parquet import CONTROL, EVENT, MILLISECOND, Footer, schemas
from pipeline.topics import Topics


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of a topic become columns."""

    schema: pa.Schema
    content: Content

    def table(self, start: Position, partition: int, records: Records) -> tuple[pa.Table, Footer]:
        """The table of these records of `partition`, which come after `start`, and its footer."""
        heads = read_heads(records)
        offsets = [record.offset for record in records]
        writers = self.content.writers(records)
        carried = zip(writers, heads.origins, offsets, strict=True)
        judged = judge(start.origins, start.topic_id, partition, carried)
        columns = {
            "partition": pa.repeat(pa.scalar(partition, pa.int32()), len(records)),
            "offset": pa.array(offsets, pa.int64()),
            "replayed": pa.array(judged.replayed, pa.bool_()),
            "origin": pa.array(judged.origins, pa.binary()).cast(pa.string()),
            **_common(records, heads),
            **self.content.columns(records, heads),
        }
        footer = Footer(start.topic_id, partition, offsets[0], offsets[-1], judged.highest)
        arrays = [columns[name] for name in self.schema.names]
        return pa.table(arrays, schema=self.schema.with_metadata(footer.encode())), footer


def layouts(case: UseCase) -> dict[str, Layout]:
    """How each logged topic of this case becomes columns, by its name. Raises Refusal."""
    topics, known = Topics.of(case), schemas(case)
    contents: dict[str, Content] = {
        topics.incoming: JsonContent(EventShape.of(case)),
        topics.inferences: JsonContent(InferenceShape.of(case)),
        topics.rejected: RejectedContent(),
    }
    return {name: Layout(known[name], content) for name, content in contents.items()}


def _common(records: Records, heads: Heads) -> Columns:
    return {
        "timestamp": pa.array([record.timestamp for record in records], MILLISECOND),
        "kind": _kinds(heads.controls),
        "origin_time": _times(heads.times),
    }


def _kinds(controls: list[bool]) -> pa.Array:
    if not any(controls):
        return pa.repeat(pa.scalar(EVENT), len(controls))
    return pa.array([CONTROL if control else EVENT for control in controls], pa.string())


def _times(texts: list[bytes | None]) -> pa.Array:
    """Milliseconds as decimal text; what is none is as good as absent."""
    try:
        numbers = pa.array(texts, pa.binary()).cast(pa.string()).cast(pa.int64())
    except pa.ArrowInvalid:
        numbers = pa.array([_milliseconds(text) for text in texts], pa.int64())
    return numbers.cast(MILLISECOND)


def _milliseconds(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None

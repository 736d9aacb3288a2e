"""What the logged topics hold: JSON of one shape, or rejected bytes with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka.structs import ConsumerRecord

from inference_logger.decode import decode
from inference_logger.shapes import Shape
from pipeline.origin import HEADER, KIND_HEADER, TIME_HEADER, header_in
from pipeline.parquet import CONTROL
from pipeline.rejection import DETAIL_HEADER, REASON_HEADER, STAGE_HEADER

Records = Sequence[ConsumerRecord]
Columns = Mapping[str, Any]  # of Arrow arrays

_CONTROL = CONTROL.encode()


class Heads(NamedTuple):
    """The headers that every topic has, a list for each."""

    origins: list[bytes | None]
    times: list[bytes | None]
    controls: list[bool]


class Content(Protocol):
    """One topic's records."""

    def columns(self, records: Records, heads: Heads) -> Columns:
        """The columns of their values and own headers."""
        ...

    def writers(self, records: Records) -> Iterable[str]:
        """Who wrote each record: origins are compared among one writer's records."""
        ...


def read_heads(records: Records) -> Heads:
    """The common headers; of several with one name the first counts, as everywhere."""
    heads = Heads([], [], [])
    for record in records:
        origin = time = kind = None
        for name, value in reversed(record.headers):
            if name == HEADER:
                origin = value
            elif name == TIME_HEADER:
                time = value
            elif name == KIND_HEADER:
                kind = value
        heads.origins.append(origin)
        heads.times.append(time)
        heads.controls.append(kind == _CONTROL)
    return heads


@dataclass(frozen=True, slots=True)
class JsonContent:
    """JSON of one shape, by one writer, with control records in between."""

    shape: Shape

    def columns(self, records: Records, heads: Heads) -> Columns:
        """The shape's columns, `extra`, `control` and `raw`."""
        values = [record.value for record in records]
        if not any(heads.controls):
            return {**_decoded(self.shape, values), "control": pa.nulls(len(values), pa.string())}
        pairs = list(zip(values, heads.controls, strict=True))
        events = _decoded(self.shape, [None if control else value for value, control in pairs])
        texts = [_json_text(value) if control else None for value, control in pairs]
        unread = [
            value if control and text is None else None
            for (value, control), text in zip(pairs, texts, strict=True)
        ]
        return {
            **events,
            "control": pa.array(texts, pa.string()),
            "raw": pc.coalesce(events["raw"], pa.array(unread, pa.binary())),
        }

    def writers(self, records: Records) -> Iterable[str]:
        """One stage writes the topic."""
        return repeat("", len(records))


class RejectedContent:
    """The original bytes of what a stage could not use, and why."""

    def columns(self, records: Records, heads: Heads) -> Columns:  # noqa: ARG002 - as Content
        """Stage, reason, detail, key and value; a null value stays null."""
        return {
            "stage": _header_texts(records, STAGE_HEADER),
            "reason": _header_texts(records, REASON_HEADER),
            "detail": _header_texts(records, DETAIL_HEADER),
            "key": pa.array([record.key for record in records], pa.binary()),
            "value": pa.array([record.value for record in records], pa.binary()),
        }

    def writers(self, records: Records) -> Iterable[str]:
        """Each stage that rejects."""
        return [_header_text(record, STAGE_HEADER) or "" for record in records]


def _decoded(shape: Shape, lines: Sequence[bytes | None]) -> dict[str, Any]:
    table = decode(shape, lines)
    return dict(zip(table.column_names, table.columns, strict=True))


def _json_text(value: bytes | None) -> str | None:
    try:
        orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return (value or b"").decode()


def _header_texts(records: Records, name: str) -> pa.Array:
    return pa.array([_header_text(record, name) for record in records], pa.string())


def _header_text(record: ConsumerRecord, name: str) -> str | None:
    value = header_in(record.headers, name)
    return None if value is None else value.decode(errors="replace")

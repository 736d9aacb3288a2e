"""What the logged topics hold: JSON of one shape, or rejected bytes with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.decode import Shape, decode
from inference_logger.rows import Keeps, Records, Rows
from pipeline.origin import header_in
from pipeline.records import InRecord
from pipeline.rejection import DETAIL_HEADER, REASON_HEADER, STAGE_HEADER

Columns = Mapping[str, Any]  # of Arrow arrays


class Content(Keeps, Protocol):
    """One topic's records."""

    def columns(self, rows: Rows) -> Columns:
        """The columns of their values, and of what was kept of them."""
        ...


@dataclass(frozen=True, slots=True)
class JsonContent:
    """JSON of one shape, by one writer, with control records in between."""

    shape: Shape

    def columns(self, rows: Rows) -> Columns:
        """The shape's columns, `extra`, `control` and `raw`."""
        if not any(rows.controls):
            columns = decode(self.shape, rows.values)
            return {**columns, "control": pa.nulls(len(rows), pa.string())}
        pairs = list(zip(rows.values, rows.controls, strict=True))
        events = decode(self.shape, [None if control else value for value, control in pairs])
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

    def kept(self, records: Records) -> Sequence[Any]:  # noqa: ARG002 - as Keeps
        """Nothing more."""
        return ()

    def writers(self, records: Records) -> Sequence[str]:
        """One stage writes the topic."""
        return [""] * len(records)


class Rejected(NamedTuple):
    """What is kept of a record that a stage could not use, besides its value."""

    stage: str | None
    reason: str | None
    detail: str | None
    key: bytes | None


class RejectedContent:
    """The original bytes of what a stage could not use, and why."""

    def columns(self, rows: Rows) -> Columns:
        """Stage, reason, detail, key and value; a null value stays null."""
        kept: list[Rejected] = rows.kept
        return {
            "stage": pa.array([one.stage for one in kept], pa.string()),
            "reason": pa.array([one.reason for one in kept], pa.string()),
            "detail": pa.array([one.detail for one in kept], pa.string()),
            "key": pa.array([one.key for one in kept], pa.binary()),
            "value": pa.array(rows.values, pa.binary()),
        }

    def kept(self, records: Records) -> Sequence[Rejected]:
        """Why, by whom, and the key."""
        return [
            Rejected(
                _header(record, STAGE_HEADER),
                _header(record, REASON_HEADER),
                _header(record, DETAIL_HEADER),
                record.key,
            )
            for record in records
        ]

    def writers(self, records: Records) -> Sequence[str]:
        """Each stage that rejects."""
        return [_header(record, STAGE_HEADER) or "" for record in records]


def _json_text(value: bytes | None) -> str | None:
    try:
        orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return (value or b"").decode()


def _header(record: InRecord, name: str) -> str | None:
    value = header_in(record.headers, name)
    return None if value is None else value.decode(errors="replace")

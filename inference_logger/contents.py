"""What the logged topics hold: JSON of one shape, or rejected bytes with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.decode import Shape, decode, sparse
from inference_logger.rows import Keeps, Records, Rows
from pipeline.control import decode_control, epoch_record
from pipeline.errors import DataError
from pipeline.origin import header_in
from pipeline.records import InRecord
from pipeline.rejection import DETAIL_HEADER, REASON_HEADER, STAGE_HEADER

Columns = Mapping[str, Any]  # of Arrow arrays
_EPOCH = epoch_record().value


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
        """The shape's columns, `extra`, `control` and `raw`.

        Of what came without its content the head is in `raw`, and why in `extra`.
        """
        odd = {*rows.cuts, *(place for place, control in enumerate(rows.controls) if control)}
        if not odd:
            columns = decode(self.shape, rows.values)
            return {**columns, "control": pa.nulls(len(rows), pa.string())}
        values = rows.values
        events = decode(self.shape, [None if n in odd else one for n, one in enumerate(values)])
        controls = {n: _control_text(values[n]) for n in odd - rows.cuts.keys()}
        whys = {n: _json_text(cut) for n, cut in rows.cuts.items()}
        unread = {n: values[n] for n, text in controls.items() if text is None}
        heads = {n: values[n] or b"" for n in rows.cuts}
        return {
            **events,
            "control": sparse(controls, len(rows), pa.string()),
            "extra": pc.coalesce(events["extra"], sparse(whys, len(rows), pa.string())),
            "raw": pc.coalesce(events["raw"], sparse(unread | heads, len(rows), pa.binary())),
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
        kept: list[Rejected] = [*rows.kept]
        for place, cut in rows.cuts.items():
            kept[place] = kept[place]._replace(reason=cut.reason, detail=cut.detail)
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


def _control_text(value: bytes | None) -> str | None:
    """A control record that a stage obeys, or that an epoch begins behind; else it is kept raw."""
    if value is not None and value != _EPOCH:
        try:
            decode_control(value)
        except DataError:
            return None
    return None if value is None else value.decode()


def _json_text(cut: DataError) -> str:
    return orjson.dumps({"reason": cut.reason, "detail": cut.detail}).decode()


def _header(record: InRecord, name: str) -> str | None:
    value = header_in(record.headers, name)
    return None if value is None else value.decode(errors="replace")

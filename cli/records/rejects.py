"""What was rejected, and why: out of the topic, or out of the Parquet files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.origin import HEADER
from pipeline.records import InRecord
from pipeline.rejection import (
    DETAIL_HEADER,
    KEY_LENGTH_HEADER,
    LENGTH_HEADER,
    REASON_HEADER,
    STAGE_HEADER,
)

_CUT = {LENGTH_HEADER, KEY_LENGTH_HEADER}


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected record: who refused it and why, where it stands, and its original bytes.

    Where it is not whole, it was too large for the topic, and its key and value are what fitted.
    """

    stage: str
    reason: str
    detail: str
    origin: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """How often a stage had a reason, and the place of the last such record."""

    stage: str
    reason: str
    count: int
    partition: int
    offset: int


def reject_of(record: InRecord) -> Reject:
    """The reject that a record of `rejected-events` is; what a header lacks is empty."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Reject(
        stage=headers.get(STAGE_HEADER, ""),
        reason=headers.get(REASON_HEADER, ""),
        detail=headers.get(DETAIL_HEADER, ""),
        origin=headers.get(HEADER, ""),
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        is_whole=record.cut is None and not _CUT & headers.keys(),
    )


def by_reason(rejects: Iterable[Reject]) -> list[Reason]:
    """Every reason of every stage, the most frequent first."""
    counts: dict[tuple[str, str], Reason] = {}
    for one in rejects:
        name = (one.stage, one.reason)
        before = counts[name].count if name in counts else 0
        counts[name] = Reason(one.stage, one.reason, before + 1, one.partition, one.offset)
    return sorted(counts.values(), key=lambda one: (-one.count, one.stage, one.reason))

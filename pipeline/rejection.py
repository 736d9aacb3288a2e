"""The form of a record on `rejected-events`: the original bytes, and why in its headers."""

from __future__ import annotations

from pipeline.errors import DataError
from pipeline.origin import HEADER, TIME_HEADER, Origin
from pipeline.records import InRecord, OutRecord

STAGE_HEADER = "stage"
REASON_HEADER = "reason"
DETAIL_HEADER = "detail"


def rejection(record: InRecord, stage: str, origin: Origin, error: DataError) -> OutRecord:
    """What `stage` writes for a record that it cannot use."""
    headers = (
        (HEADER, origin.encode()),
        (TIME_HEADER, b"%d" % record.timestamp),
        (STAGE_HEADER, stage.encode()),
        (REASON_HEADER, error.reason.encode()),
        (DETAIL_HEADER, error.detail.encode()),
    )
    return OutRecord(record.key, record.value, headers)

"""The form of a record on `rejected-events`: the original bytes, and why in its headers.

What does not fit into the topic is cut: then the headers have the length and the SHA-256 of all of
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipeline import metrics
from pipeline.errors import DataError
from pipeline.origin import Origin, cause, header_in
from pipeline.records import (
    HEAD_BYTES,
    MOST_PASSED_ON_BYTES,
    MOST_VALUE_BYTES,
    TOO_LARGE,
    Cut,
    Headers,
    InRecord,
    OutRecord,
    cut_off,
)

STAGE_HEADER = "stage"
REASON_HEADER = "reason"
DETAIL_HEADER = "detail"
LENGTH_HEADER = "length"
HASH_HEADER = "sha256"
CODEC_HEADER = "codec"
KEY_LENGTH_HEADER = "key-length"
KEY_HASH_HEADER = "key-sha256"

_MOST_BYTES = MOST_VALUE_BYTES + HEAD_BYTES // 2
"""Of key and value: the topic takes as much again for what is written beside them."""
_MOST_DETAIL = 1024


def unusable(cut: Cut) -> DataError:
    """Why a record that came without its content cannot be used, and what it was."""
    packed = f" of {cut.codec}" if cut.codec else ""
    return DataError(cut.reason, f"{cut.length} bytes{packed}, sha256 {cut.sha256}")


def refuse_cut(record: InRecord) -> None:
    """Raise DataError for a record that came without its content."""
    if record.cut is not None:
        raise unusable(record.cut)


def refuse_longer(value: bytes) -> None:
    """Raise DataError for a value of which no output can be made, for none of ours is so long."""
    if len(value) > MOST_PASSED_ON_BYTES:
        raise DataError(TOO_LARGE, f"{len(value)} bytes, at most {MOST_PASSED_ON_BYTES}")


def count_rejected(stage: str, rejections: Iterable[OutRecord]) -> None:
    """Count them in the metrics, by their reasons."""
    reasons = Counter(header_in(one.headers, REASON_HEADER) or b"" for one in rejections)
    for reason, count in reasons.items():
        metrics.REJECTED.labels(stage, reason.decode()).inc(count)


def rejection(record: InRecord, stage: str, origin: Origin, error: DataError) -> OutRecord:
    """What `stage` writes for a record that it cannot use."""
    key, value, of_content = _fitted(record)
    headers = (
        *cause(origin, record.timestamp),
        (STAGE_HEADER, stage.encode()),
        (REASON_HEADER, error.reason.encode()),
        (DETAIL_HEADER, error.detail.encode(errors="replace")[:_MOST_DETAIL]),
        *of_content,
    )
    return OutRecord(key, value, headers)


def _fitted(record: InRecord) -> tuple[bytes | None, bytes | None, Headers]:
    """Key and value, cut as far as needed, and headers that say what was cut."""
    key, value, cut = record.key, record.value, record.cut
    of_key: Headers = ()
    if _bytes(key, value) > _MOST_BYTES and len(value or b"") > HEAD_BYTES:
        value, cut = cut_off(value or b"")
    if _bytes(key, value) > _MOST_BYTES:
        key, cut_key = cut_off(key or b"")
        of_key = _told(cut_key, KEY_LENGTH_HEADER, KEY_HASH_HEADER)
    of_value = () if cut is None else _told(cut, LENGTH_HEADER, HASH_HEADER)
    codec = ((CODEC_HEADER, cut.codec.encode()),) if cut is not None and cut.codec else ()
    return key, value, (*of_value, *codec, *of_key)


def _bytes(key: bytes | None, value: bytes | None) -> int:
    return len(key or b"") + len(value or b"")


def _told(cut: Cut, length: str, digest: str) -> Headers:
    return ((length, b"%d" % cut.length), (digest, cut.sha256.encode()))

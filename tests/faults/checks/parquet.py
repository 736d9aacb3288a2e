"""I4: the Parquet rows are exactly the records of the logged topics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.faults.canonical import text_of
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict
from tests.faults.logs import Record, Topic
from tests.faults.origins import judged

Row = Mapping[str, Any]
_LOG = ("partition", "offset", "timestamp", "kind", "replayed", "origin", "origin_time")


def parquet_holds_each_record_once(evidence: Evidence) -> Verdict:
    """I4: every record of a logged topic, its content, and whether it is a replay."""
    topics = evidence.topics
    contents: dict[str, Callable[[Record, Row], bool]] = {
        topics.incoming: _is_event,
        topics.inferences: _is_inference,
        topics.rejected: _is_rejected,
    }
    problems = [
        f"{name}: {problem}"
        for name, is_content in contents.items()
        for problem in _unlike(evidence, evidence.logs[name], is_content)
    ]
    return Verdict.of("I4", sum(len(evidence.logs[name]) for name in contents), problems)


def _unlike(
    evidence: Evidence, topic: Topic, is_content: Callable[[Record, Row], bool]
) -> Iterator[str]:
    rows: dict[tuple[int, int], Row] = {}
    for path in sorted((evidence.settings.parquet_dir / topic.name).glob("date=*/*.parquet")):
        try:
            table = pq.read_table(path, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            yield f"{path.name} is torn: {error}"
            continue
        yield from _misnamed(path, table)
        for row in table.to_pylist():
            place = (row["partition"], row["offset"])
            if place in rows:
                yield f"{place} is there more than once"
            rows[place] = row
    for number, records in topic.partitions.items():
        by_stage = topic.name == evidence.topics.rejected
        writer = (lambda one: one.header("stage")) if by_stage else (lambda _: None)
        for origin, record, new in judged(topic.id, records, writer):
            found = rows.pop((number, record.offset), None)
            if found is None:
                yield f"({number}, {record.offset}) is missing"
            elif not _is_envelope(found, record, str(origin), new=new):
                yield f"({number}, {record.offset}) is logged as {_envelope(found)}"
            elif not is_content(record, found):
                yield f"({number}, {record.offset}) has another content: {found}"
    yield from (f"{place} is in no topic" for place in rows)


def _misnamed(path: Path, table: pa.Table) -> Iterator[str]:
    """A file says where it begins, and holds one partition in its order."""
    offsets = table["offset"].to_pylist()
    number, _, start = path.stem.partition("-")
    if {str(one) for one in table["partition"].to_pylist()} != {number}:
        yield f"{path.name} holds another partition"
    if offsets != sorted(offsets) or offsets[0] < int(start):
        yield f"{path.name} holds offsets out of their order"


def _envelope(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _LOG}


def _is_envelope(row: Row, record: Record, origin: str, *, new: bool) -> bool:
    kind = "control" if record.header("kind") == b"control" else "event"
    time = record.header("origin-time")
    return (
        row["kind"] == kind
        and row["origin"] == origin
        and row["replayed"] is (not new)
        and _millis(row["timestamp"]) == record.timestamp
        and _millis(row["origin_time"]) == (None if time is None else int(time))
    )


def _millis(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def _is_event(record: Record, row: Row) -> bool:
    content = json.loads(record.value or b"")
    if record.header("kind") == b"control":
        return bool(json.loads(row["control"]) == content)
    return _flat(row) == {name: value for name, value in content.items() if value is not None}


def _is_inference(record: Record, row: Row) -> bool:
    content = json.loads(record.value or b"")
    if record.header("kind") == b"control":
        return bool(json.loads(row["control"]) == content)
    features = content.pop("features")
    found = _flat(row)
    return bool(json.loads(found.pop("lookups")) == content.pop("lookups")) and bool(
        found == {**content, **features}
    )


def _is_rejected(record: Record, row: Row) -> bool:
    headers = {name: record.header(name) for name in ("stage", "reason", "detail")}
    texts = {name: None if one is None else one.decode() for name, one in headers.items()}
    wanted = {**texts, "key": record.key, "value": record.value}
    return {name: row[name] for name in wanted} == wanted


def _flat(row: Row) -> dict[str, Any]:
    """The record's fields as its columns have them, nulls aside."""
    kept = ("extra", "control", "raw")
    fields = {
        name: text_of(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in (*_LOG, *kept) and value is not None
    }
    return {**fields, **json.loads(row["extra"] or "{}")}

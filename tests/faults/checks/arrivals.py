"""I5 and I6: every source record came out once, in its right form, and none that was promised
to be stored is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kafka.partitioner.default import murmur2

from tests.faults.canonical import canonical
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict
from tests.faults.logs import Record
from tests.faults.origins import Effective, Origin, effective

HANDLER = b"event_handler"


def each_record_came_out_once(evidence: Evidence) -> Verdict:
    """I5: `rejected-events` is the invalid set, bytes identical; `incoming-events` all others."""
    rejected = _rejected(evidence)
    strangers = [one for one in rejected if one.record.header("stage") != HANDLER]
    accepted = [
        one
        for rows in evidence.effective(evidence.incoming).values()
        for one in rows
        if one.record.header("kind") != b"control"
    ]
    problems = [
        *(f"{one.record.header('stage')!r} rejected {one.origin}" for one in strangers),
        *_unlike_the_source(evidence, rejected, accepted),
        *(problem for one in rejected for problem in _badly_rejected(evidence, one)),
        *(problem for one in accepted for problem in _badly_accepted(evidence, one)),
    ]
    return Verdict.of("I5", len(evidence.source), problems)


def what_was_acknowledged_is_stored(evidence: Evidence) -> Verdict:
    """I6: whatever a source was told is stored is in its topic."""
    stored = {(record.key, record.value) for record in evidence.source}
    missing = [one for one in evidence.acknowledged if one not in stored]
    return Verdict.of("I6", len(evidence.acknowledged), [f"{one} is lost" for one in missing])


def _rejected(evidence: Evidence) -> list[Effective]:
    topic = evidence.rejected
    return [
        one
        for records in topic.partitions.values()
        for one in effective(topic.id, records, lambda record: record.header("stage"))
    ]


def _unlike_the_source(
    evidence: Evidence, rejected: list[Effective], accepted: list[Effective]
) -> Iterator[str]:
    wanted = {True: set[Origin](), False: set[Origin]()}
    for record in evidence.source:
        wanted[evidence.is_invalid(record)].add(_own(evidence, record))
    for name, rows, origins in (
        ("rejected", rejected, wanted[True]),
        ("accepted", accepted, wanted[False]),
    ):
        found = [one.origin for one in rows]
        yield from (f"{one} is not {name}" for one in sorted(origins - {*found}))
        yield from (f"{one} is {name}" for one in sorted({*found} - origins))
        if len(found) != len({*found}):
            yield f"something is {name} twice"


def _own(evidence: Evidence, record: Record) -> Origin:
    return Origin(evidence.source_log, record.partition, record.offset, 0)


def _badly_rejected(evidence: Evidence, one: Effective) -> Iterator[str]:
    source = _cause(evidence, one)
    if source is None or one.record.header("stage") != HANDLER:
        return
    if (one.record.key, one.record.value) != (source.key, source.value):
        yield f"{one.origin} was rejected with other bytes"
    if one.record.partition != source.partition % evidence.settings.partitions:
        yield f"{one.origin} was rejected on partition {one.record.partition}"
    if not one.record.header("reason"):
        yield f"{one.origin} was rejected without a reason"


def _badly_accepted(evidence: Evidence, one: Effective) -> Iterator[str]:
    source = _cause(evidence, one)
    if source is None or evidence.is_invalid(source):
        return
    wanted = canonical(evidence.case, source.value or b"")
    if json.loads(one.record.value or b"") != wanted:
        yield f"{one.origin} came out as {one.record.value!r}, not {wanted}"
    key = wanted[evidence.case.entity].encode()
    if one.record.key != key:
        yield f"{one.origin} has the key {one.record.key!r}"
    if one.record.partition != (murmur2(key) & 0x7FFFFFFF) % evidence.settings.partitions:
        yield f"{one.origin} is on partition {one.record.partition}"
    if one.record.header("origin-time") != b"%d" % source.timestamp:
        yield f"{one.origin} does not say when it arrived"


def _cause(evidence: Evidence, one: Effective) -> Record | None:
    """The source record at an origin; offsets may have holes."""
    records = evidence.source.partitions.get(one.origin.partition, ())
    guess = one.origin.offset - (records[0].offset if records else 0)
    if 0 <= guess < len(records) and records[guess].offset == one.origin.offset:
        return records[guess]
    return next((record for record in records if record.offset == one.origin.offset), None)

"""Every invariant can fail: each is shown a run of which one thing was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq
import pytest
from redis import Redis

from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.world import SourceRecord
from tests.faults import invariants
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict
from tests.faults.logs import Record, Topic

ALL = {name: getattr(invariants, name) for name in ("I1", "I2", "I3", "I4", "I5", "I6")}
Change = Callable[[Record], list[Record]]


def failing(evidence: Evidence) -> set[str]:
    return {name for name, invariant in ALL.items() if not invariant(evidence).ok}


def changed(evidence: Evidence, topic: str, change: Change, nth: int = 30) -> None:
    """Put in the place of a topic's n-th record what `change` makes of it."""
    found = evidence.logs[topic]
    victim = next(
        record
        for number, record in enumerate(found)
        if number >= nth and record.header("kind") is None and not is_copied(found, record)
    )
    logs = {
        number: renumbered(
            [new for one in records for new in (change(one) if one == victim else [one])]
        )
        for number, records in found.partitions.items()
    }
    evidence.logs = {**evidence.logs, topic: replace(found, partitions=logs)}


def is_copied(topic: Topic, record: Record) -> bool:
    copies = [one for one in topic if one.header("origin") == record.header("origin")]
    return len(copies) > 1


def renumbered(records: list[Record]) -> list[Record]:
    return [record._replace(offset=offset) for offset, record in enumerate(records)]


def with_value(**fields: object) -> Change:
    def change(record: Record) -> list[Record]:
        content = {**json.loads(record.value or b""), **fields}
        return [record._replace(value=json.dumps(content).encode())]

    return change


def some_key(redis: Redis, kind: str) -> bytes:
    prefix = Keys("first_day_churn", kind).prefix(1, "").removesuffix(":")
    found: bytes = min(redis.scan_iter(match=f"{prefix}*"))
    return found


def test_all_hold_after_a_run_that_went_well(evidence: Evidence) -> None:
    verdicts = [invariant(evidence) for invariant in ALL.values()]
    assert [(one.name, one.problems) for one in verdicts if not one.ok] == []
    assert [one.name for one in verdicts] == [*ALL]


def test_what_was_checked_on_nothing_does_not_hold() -> None:
    assert not Verdict.of("I1", 0, []).ok


@pytest.mark.parametrize("field", ["bet_sum", "bet_var", "win_count", "newest_event"])
def test_a_changed_feature_is_found(evidence: Evidence, redis: Redis, field: str) -> None:
    key = some_key(redis, FEATURES)
    redis.hset(key, field, repr(float(redis.hget(key, field) or 0) + 1))
    assert failing(evidence) == {"I1"}


@pytest.mark.parametrize("field", ["m2", "recent_ids"])
def test_changed_binary_fields_are_found(evidence: Evidence, redis: Redis, field: str) -> None:
    key = some_key(redis, FEATURES)
    held: Any = redis.hget(key, field)
    redis.hset(key, field, held[:-1] + bytes([held[-1] ^ 1]))
    assert failing(evidence) == {"I1"}


@pytest.mark.parametrize("kind", [FEATURES, SCORES])
def test_a_missing_entity_is_found(evidence: Evidence, redis: Redis, kind: str) -> None:
    redis.delete(some_key(redis, kind))
    assert failing(evidence) == {"I1"}


@pytest.mark.parametrize("kind", [FEATURES, SCORES])
@pytest.mark.parametrize(
    ("field", "value"), [("offset", "3"), ("origins", "{}"), ("topic_id", "another")]
)
def test_a_changed_marker_is_found(
    evidence: Evidence, redis: Redis, kind: str, field: str, value: str
) -> None:
    redis.hset(Keys("first_day_churn", kind).marker(1), field, value)
    assert failing(evidence) == {"I1"}


def test_a_changed_score_is_found(evidence: Evidence, redis: Redis) -> None:
    redis.hset(some_key(redis, SCORES), "probability", "0.123")
    assert failing(evidence) == {"I1"}


def test_a_missing_serving_record_is_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.features, lambda _: [])
    assert "I2" in failing(evidence)


def test_a_serving_record_too_many_is_found(evidence: Evidence) -> None:
    stranger = (("origin", b"elsewhere/0/1/0"),)
    changed(evidence, evidence.topics.features, lambda one: [one, one._replace(headers=stranger)])
    assert "I2" in failing(evidence)


def test_a_serving_record_in_another_place_is_found(evidence: Evidence) -> None:
    topic = evidence.topics.features
    records = [*evidence.logs[topic].partitions[1]]
    records[20:30] = records[25:30] + records[20:25]
    parts = {**evidence.logs[topic].partitions, 1: renumbered(records)}
    evidence.logs = {**evidence.logs, topic: replace(evidence.logs[topic], partitions=parts)}
    assert "I2" in failing(evidence)


def test_another_copy_of_a_serving_record_is_found(evidence: Evidence) -> None:
    other = with_value(event_type="win")
    changed(evidence, evidence.topics.features, lambda one: [one, *other(one)])
    assert "I2" in failing(evidence)


@pytest.mark.parametrize("field", ["as_of", "lookups", "user_id"])
def test_another_content_of_a_serving_record_is_found(evidence: Evidence, field: str) -> None:
    changed(evidence, evidence.topics.features, with_value(**{field: "another"}))
    assert "I2" in failing(evidence)


def test_another_feature_of_a_serving_record_is_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.features, other_features)
    assert "I2" in failing(evidence)


@pytest.mark.parametrize("field", ["probability", "decision", "event_time", "id", "features"])
def test_another_inference_is_found(evidence: Evidence, field: str) -> None:
    if field == "features":
        changed(evidence, evidence.topics.inferences, other_features)
    else:
        changed(evidence, evidence.topics.inferences, with_value(**{field: "another"}))
    assert "I3" in failing(evidence)


def other_features(record: Record) -> list[Record]:
    content = json.loads(record.value or b"")
    content["features"]["bet_sum"] += 1
    return [record._replace(value=json.dumps(content).encode())]


def test_a_missing_inference_is_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.inferences, lambda _: [])
    assert "I3" in failing(evidence)


def test_an_erasure_that_is_not_passed_on_is_found(evidence: Evidence) -> None:
    topic = evidence.logs[evidence.topics.inferences]
    scores = {
        number: renumbered([one for one in records if one.header("kind") is None])
        for number, records in topic.partitions.items()
    }
    evidence.logs = {**evidence.logs, topic.name: replace(topic, partitions=scores)}
    assert "I3" in failing(evidence)


def test_a_replayed_inference_may_differ_in_when_it_was_made(evidence: Evidence) -> None:
    later = with_value(scored_at="2030-01-01T00:00:00.000000Z", feature_age=9.5)
    changed(evidence, evidence.topics.inferences, lambda one: [one, *later(one)])
    assert "I3" not in failing(evidence)


@pytest.mark.parametrize("topic", ["incoming", "inferences", "rejected"])
def test_a_row_of_parquet_too_few_or_too_many_is_found(evidence: Evidence, topic: str) -> None:
    name = getattr(evidence.topics, topic)
    path = min(evidence.settings.parquet_dir.glob(f"{name}/date=*/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, len(table) - 1), path)
    assert failing(evidence) == {"I4"}
    pq.write_table(table, path.with_stem(path.stem[:-3] + "007"))
    pq.write_table(table, path)
    assert failing(evidence) == {"I4"}


def test_a_torn_file_is_found(evidence: Evidence) -> None:
    path = min(evidence.settings.parquet_dir.glob("*/date=*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    assert failing(evidence) == {"I4"}


@pytest.mark.parametrize(
    ("topic", "field"), [("incoming", "bet_amount"), ("inferences", "probability")]
)
def test_another_content_of_a_row_is_found(evidence: Evidence, topic: str, field: str) -> None:
    name = getattr(evidence.topics, topic)
    path = min(evidence.settings.parquet_dir.glob(f"{name}/date=*/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    victim = next(row for row in rows if row[field] is not None)
    victim[field] += 1
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    assert failing(evidence) == {"I4"}


def test_a_replay_that_is_logged_as_new_is_found(evidence: Evidence) -> None:
    path = min(evidence.settings.parquet_dir.glob(f"{evidence.topics.incoming}/date=*/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    next(row for row in rows if row["replayed"])["replayed"] = False
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    assert failing(evidence) == {"I4"}


def test_other_rejected_bytes_are_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.rejected, lambda one: [one._replace(value=b"?")], 3)
    assert {"I5"} == failing(evidence) - {"I4"}


def test_a_missing_rejection_is_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.rejected, lambda _: [], 3)
    assert {"I5"} == failing(evidence) - {"I4"}


def test_a_good_record_that_is_rejected_is_found(evidence: Evidence) -> None:
    changed(evidence, evidence.topics.incoming, lambda _: [])
    assert "I5" in failing(evidence)


@pytest.mark.parametrize("field", ["amount", "event_time", "event_id"])
def test_another_canonical_record_is_found(evidence: Evidence, field: str) -> None:
    changed(
        evidence, evidence.topics.incoming, with_value(**{field: "2025-06-30T00:00:00.000001Z"})
    )
    assert "I5" in failing(evidence)


def test_a_record_on_the_wrong_partition_is_found(evidence: Evidence) -> None:
    topic = evidence.topics.incoming
    parts = evidence.logs[topic].partitions
    swapped = {
        number: [record._replace(partition=number) for record in parts[(number + 1) % len(parts)]]
        for number in parts
    }
    evidence.logs = {**evidence.logs, topic: replace(evidence.logs[topic], partitions=swapped)}
    assert "I5" in failing(evidence)


def test_a_lost_record_that_was_acknowledged_is_found(evidence: Evidence) -> None:
    evidence.acknowledged = [*evidence.acknowledged, SourceRecord(b"u", b"lost")]
    assert failing(evidence) == {"I6"}

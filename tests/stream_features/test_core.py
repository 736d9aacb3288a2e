"""What records of `incoming-events` change: states, scores to ask for, and rejections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from pipeline.control import erase_record, lookup_record
from pipeline.errors import Fatal, InfrastructureError
from pipeline.origin import HEADER, TIME_HEADER, header_in
from pipeline.ports import Applied
from pipeline.records import OutRecord, Target
from pipeline.rejection import REASON_HEADER, STAGE_HEADER
from pipeline.state import Raw, StateCodec
from pipeline.times import HOUR
from stream_features.core import FeatureCore
from tests.support.events import (
    NOON,
    SOURCE_ID,
    UNKNOWN,
    V1,
    V2,
    batch_of,
    bet,
    caused_by,
    log_of,
    purchase,
    registration,
    win,
)
from tests.support.stages import INDEX, TOPICS, table_of
from use_cases.first_day_churn import USE_CASE

SCORES = Target(TOPICS.features, 0)
REJECTED = Target(TOPICS.rejected, 0)
CODEC = StateCodec(USE_CASE)


def new_core(cached: int = 10) -> FeatureCore:
    return FeatureCore(USE_CASE, TOPICS, table_of, cached)


def apply(
    core: FeatureCore,
    *contents: Mapping[str, Any] | OutRecord,
    lookups: Mapping[str, str] | None = None,
    stored: Mapping[str, list[Raw]] | None = None,
) -> Applied:
    items = core.decode(batch_of(log_of(contents)), after=-1)
    unknown = core.unknown(0, items)
    none: list[Raw] = [None] * len(core.fields)
    core.learn(0, unknown, [(stored or {}).get(entity, none) for entity in unknown])
    return core.apply(0, lookups or {}, items)


def values(applied: Applied, entity: str = "u1") -> dict[str, Any]:
    found = applied.entities[entity]
    assert found is not None
    return dict(zip(CODEC.fields, found, strict=False))


def stored(applied: Applied, entity: str = "u1") -> list[Raw]:
    found = applied.entities[entity]
    assert found is not None
    return [value.encode() if isinstance(value, str) else value for value in found]


def contents_of(records: Any) -> list[dict[str, Any]]:
    return [orjson.loads(record.value) for record in records]


def test_a_bet_that_counts_asks_for_a_score_with_the_features_as_they_stand_then() -> None:
    applied = apply(new_core(), purchase(50), bet(10), bet(30, at=NOON + HOUR))
    first, second = contents_of(applied.outputs[SCORES])
    assert (first["features"]["bet_sum"], second["features"]["bet_sum"]) == (10, 40)
    assert first["features"]["purchase_count"] == 1


def test_a_serving_record_is_exact() -> None:
    applied = apply(new_core(), purchase(50, at=NOON + HOUR), win(10, at=NOON + HOUR))
    (record,) = applied.outputs[SCORES]
    features = dict.fromkeys(USE_CASE.features, 0.0) | {
        "purchase_sum": 50.0,
        "purchase_mean": 50.0,
        "purchase_count": 1,
        "win_sum": 10.0,
        "win_mean": 10.0,
        "win_count": 1,
        "bet_count": 0,
    }
    assert record.key == b"u1"
    assert orjson.loads(record.value or b"") == {
        "schema_version": 1,
        "user_id": "u1",
        "event_type": "win",
        "event_time": "2025-06-01T13:00:00.000000Z",
        "as_of": "2025-06-01T13:00:00.000000Z",
        "lookups": {},
        "features": features,
    }
    assert record.headers == caused_by(1)


def test_a_streamed_score_reads_as_of_the_newest_event_so_far() -> None:
    applied = apply(new_core(), purchase(1), bet(1, at=NOON + HOUR), bet(1, at=NOON))
    as_of = [content["as_of"] for content in contents_of(applied.outputs[SCORES])]
    assert as_of == ["2025-06-01T13:00:00.000000Z"] * 2


def test_no_personal_field_and_no_outcome_goes_past_the_event_log() -> None:
    person = registration(
        postcode=10000, name="secret", date_of_birth="secret", street_address="secret", label=1
    )
    applied = apply(new_core(), person, purchase(1), bet(1))
    assert all(b"secret" not in (record.value or b"") for record in applied.outputs[SCORES])
    assert all(b"label" not in (record.value or b"") for record in applied.outputs[SCORES])
    assert "secret" not in str(applied.entities)


def test_a_duplicate_causes_no_score() -> None:
    applied = apply(new_core(), purchase(1), bet(1, event_id="a"), bet(1, event_id="a"))
    assert len(applied.outputs[SCORES]) == 1


def test_a_batch_without_scores_or_rejections_has_no_outputs() -> None:
    assert apply(new_core(), registration()).outputs == {}


def test_a_lookup_holds_from_its_control_record_on() -> None:
    applied = apply(
        new_core(),
        registration("early", postcode=10000),
        lookup_record(INDEX, V1),
        registration("later", postcode=10000),
        lookup_record(INDEX, V2),
        registration("last", postcode=10000),
    )
    found = [values(applied, user)[INDEX] for user in ("early", "later", "last")]
    assert (found, applied.lookups) == (["0.0", "3.5", "6.5"], {INDEX: V2})


def test_the_lookups_of_the_marker_hold_from_the_start() -> None:
    applied = apply(new_core(), registration(postcode=10000), lookups={INDEX: V2})
    assert values(applied)[INDEX] == "6.5"


def test_a_serving_record_names_the_lookups_in_force_when_it_was_caused() -> None:
    applied = apply(
        new_core(),
        purchase(1),
        lookup_record(INDEX, V1),
        bet(1),
        lookup_record(INDEX, V2),
        bet(1),
    )
    found = [content["lookups"] for content in contents_of(applied.outputs[SCORES])]
    assert found == [{INDEX: V1}, {INDEX: V2}]


def test_a_version_that_cannot_be_found_is_waited_for_and_nothing_is_kept() -> None:
    core = new_core()
    with pytest.raises(InfrastructureError, match=f"waiting for version {UNKNOWN}"):
        apply(core, purchase(1), lookup_record(INDEX, UNKNOWN))
    assert values(apply(core, bet(1)))["bet_count"] == "0"


def test_a_version_that_was_never_loaded_is_rejected_and_the_one_before_stays() -> None:
    core = FeatureCore(USE_CASE, TOPICS, table_of, 10, lambda *_: False)
    applied = apply(
        core, lookup_record(INDEX, V1), lookup_record(INDEX, UNKNOWN), registration(postcode=10000)
    )
    (record,) = applied.outputs[REJECTED]
    assert header_in(record.headers, REASON_HEADER) == b"unknown_table"
    assert applied.lookups == {INDEX: V1}
    assert values(applied)[INDEX] == "3.5"


def test_erasing_deletes_the_state_and_asks_for_the_same_behind() -> None:
    applied = apply(new_core(), purchase(1), erase_record("u1"))
    (record,) = applied.outputs[SCORES]
    assert applied.entities == {"u1": None}
    assert record.value == erase_record("u1").value
    assert header_in(record.headers, HEADER) == b"incomingincomingincomi/0/1/0"


def test_what_comes_after_an_erasure_begins_from_nothing() -> None:
    core = new_core()
    before = apply(core, registration(postcode=10000), purchase(5), lookups={INDEX: V1})
    before.settled()
    after = apply(core, erase_record("u1"), purchase(7))
    assert values(after)[INDEX] == "0.0"
    assert values(after)["purchase_sum"] == "7.0"


def test_an_erasure_is_remembered_in_the_cache() -> None:
    core = new_core()
    apply(core, purchase(5)).settled()
    apply(core, erase_record("u1")).settled()
    assert values(apply(core, purchase(7)))["purchase_sum"] == "7.0"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (OutRecord(b"k", b"not json", caused_by(0)), b"not_canonical"),
        (OutRecord(b"k", None, caused_by(0)), b"null_value"),
        (lookup_record("zap", V1), b"unknown_lookup"),
        (OutRecord(None, b"{}", (("kind", b"control"),)), b"unknown_control"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_reason(record: OutRecord, reason: bytes) -> None:
    applied = apply(new_core(), record, purchase(1))
    (rejected,) = applied.outputs[REJECTED]
    assert (rejected.key, rejected.value) == (record.key, record.value)
    assert header_in(rejected.headers, REASON_HEADER) == reason
    assert header_in(rejected.headers, STAGE_HEADER) == b"stream_features"
    assert values(applied)["purchase_count"] == "1"


def test_a_rejection_carries_the_origin_of_its_record() -> None:
    applied = apply(new_core(), OutRecord(b"k", b"not json", caused_by(41)))
    (rejected,) = applied.outputs[REJECTED]
    assert header_in(rejected.headers, HEADER) == f"{SOURCE_ID}/0/41/0".encode()
    assert header_in(rejected.headers, TIME_HEADER) is not None


def test_records_up_to_the_marker_are_not_decoded_again() -> None:
    items = new_core().decode(batch_of(log_of([bet(n) for n in range(5)])), after=2)
    assert [item.offset for item in items] == [3, 4]


def test_each_unknown_entity_is_asked_for_once() -> None:
    core = new_core()
    items = core.decode(
        batch_of(log_of([bet(1, "a"), bet(1, "b"), bet(1, "a"), lookup_record(INDEX, V1)])), -1
    )
    assert core.unknown(0, items) == ["a", "b"]


def test_a_stored_state_is_gone_on_with() -> None:
    first = apply(new_core(), purchase(1), bet(2))
    then = apply(new_core(), bet(4), stored={"u1": stored(first)})
    assert values(then) == values(apply(new_core(), purchase(1), bet(2), bet(4)))


def test_what_is_not_settled_leaves_no_trace() -> None:
    core = new_core()
    apply(core, purchase(1)).settled()
    apply(core, bet(100))
    assert values(apply(core, bet(1)))["bet_sum"] == "1.0"


def test_what_is_settled_needs_no_read_and_what_is_forgotten_does() -> None:
    core = new_core()
    apply(core, purchase(1)).settled()
    items = core.decode(batch_of(log_of([bet(1)])), -1)
    assert core.unknown(0, items) == []
    core.forget(0)
    assert core.unknown(0, items) == ["u1"]


def test_a_state_that_no_codec_wrote_makes_the_partition_suspect() -> None:
    with pytest.raises(Fatal, match="partition 0 is suspect"):
        apply(new_core(), bet(1), stored={"u1": [b"garbage"] * len(CODEC.fields)})


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_metrics_move_only_when_the_effects_are_there() -> None:
    labels = {"stage": "stream_features", "type": "bet", "outcome": "not_open"}
    before = counted("pipeline_records_total", **labels)
    reasons = counted("pipeline_not_counted_total", reason="not_open")
    missed = counted("pipeline_lookups_missed_total", lookup=INDEX)
    applied = apply(new_core(), bet(1), bet(2), registration(postcode=1))
    assert counted("pipeline_records_total", **labels) == before
    applied.settled()
    assert counted("pipeline_records_total", **labels) == before + 2
    assert counted("pipeline_lookups_missed_total", lookup=INDEX) == missed + 1
    assert counted("pipeline_not_counted_total", reason="not_open") == reasons + 2

"""One inference for each record that asks for one, and the latest score of each entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from prometheus_client import REGISTRY

from pipeline.clock import FixedClock
from pipeline.control import erase_record, is_control, lookup_record
from pipeline.faults import FaultPoints
from pipeline.latest_score import SCORE_FIELDS
from pipeline.origin import HEADER, TIME_HEADER, header_in
from pipeline.ports import Applied
from pipeline.records import OutRecord, Target
from pipeline.rejection import REASON_HEADER, STAGE_HEADER
from pipeline.stateful import Stateful
from pipeline.topics import Topics
from serving.core import STAGE, ServingCore
from serving.lineup import Alone, Shadowed, Shared
from serving.scorer import Lineup
from tests.support.events import (
    NOON,
    SECOND,
    V1,
    batch_of,
    caused_by,
    consumed,
)
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records, origin_of
from tests.support.properties import FEW
from use_cases.first_day_churn import USE_CASE

TOPICS = Topics.of(USE_CASE)
INFERENCES = Target(TOPICS.inferences, 0)
REJECTED = Target(TOPICS.rejected, 0)


@dataclass
class FakeModel:
    """Gives the sum of the inputs, and remembers them."""

    name: str = "first_day_churn"
    version: str = "7"
    hash: str = "abc"
    seen: list[list[float]] = field(default_factory=list)

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        self.seen += matrix.tolist()
        return np.asarray(matrix.sum(axis=1) / 1000)

    def decide(self, probability: float) -> str:
        return "churn" if probability >= 0.5 else "no churn"


@dataclass
class FakeHolder:
    current: FakeModel = field(default_factory=FakeModel)

    @property
    def lineup(self) -> Lineup:
        return Alone(self.current)


def features(bets: float) -> dict[str, float]:
    return {**dict.fromkeys(USE_CASE.features, 0.0), "bet_sum": bets, "bet_count": 1}


def request(user: str = "u1", bets: float = 10, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "user_id": user,
        "event_type": "bet",
        "event_time": "2025-06-01T12:00:00.000000Z",
        "as_of": "2025-06-01T12:30:00.000000Z",
        "lookups": {"socioeconomic_idx": "v1"},
        "features": features(bets),
        **changes,
    }


def log_of(*contents: Mapping[str, Any] | OutRecord | bytes | None) -> Records:
    """A partition of `serving-features`."""
    return [_record(content, offset) for offset, content in enumerate(contents)]


def _record(content: Mapping[str, Any] | OutRecord | bytes | None, offset: int) -> Any:
    headers = caused_by(100 + offset)
    if isinstance(content, OutRecord):
        headers = (*content.headers, headers[0])
        return consumed(content.value, offset=offset, key=content.key, headers=headers)
    value = orjson.dumps(content) if isinstance(content, dict) else content
    return consumed(value, offset=offset, key=b"u1", headers=headers)  # type: ignore[arg-type] # bytes or null


def new_core(holder: FakeHolder | None = None, now: int = NOON) -> ServingCore:
    return ServingCore(USE_CASE, TOPICS, holder or FakeHolder(), FixedClock(now))


def apply(*contents: Any, core: ServingCore | None = None) -> Applied:
    core = core or new_core()
    items = core.decode(batch_of(log_of(*contents)), -1)
    return core.apply(0, {}, items)


def inferences(applied: Applied) -> list[dict[str, Any]]:
    told = applied.outputs[INFERENCES]
    return [orjson.loads(record.value or b"") for record in told if not is_control(record.headers)]


def test_an_inference_is_exact() -> None:
    applied = apply(request(), core=new_core(now=NOON + 2 * SECOND))
    (record,) = applied.outputs[INFERENCES]
    assert record.key == b"u1"
    assert record.headers == caused_by(100)
    assert orjson.loads(record.value or b"") == {
        "schema_version": 1,
        "id": "sourcesourcesourcesour/0/100/0",
        "scored_at": "2025-06-01T12:00:02.000000Z",
        "user_id": "u1",
        "event_type": "bet",
        "event_time": "2025-06-01T12:00:00.000000Z",
        "as_of": "2025-06-01T12:30:00.000000Z",
        "model": "first_day_churn",
        "version": "7",
        "model_hash": "abc",
        "lookups": {"socioeconomic_idx": "v1"},
        "features": features(10),
        "probability": 0.011,
        "decision": "no churn",
        "feature_age": 2.0,
    }


def test_each_request_gets_its_own_probability() -> None:
    found = inferences(apply(request("a", 99), b"not json", request("b", 599), request("c", 0)))
    assert [(one["user_id"], one["probability"]) for one in found] == [
        ("a", 0.1),
        ("b", 0.6),
        ("c", 0.001),
    ]
    assert [one["decision"] for one in found] == ["no churn", "churn", "no churn"]


def test_the_model_reads_its_features_in_their_order() -> None:
    holder = FakeHolder()
    named = dict(zip(USE_CASE.inputs, map(float, range(13)), strict=True))
    turned = dict(reversed(named.items()))
    apply(request(features=turned), core=new_core(holder))
    assert holder.current.seen == [[float(n) for n in range(13)]]


def test_a_part_is_scored_by_one_model_even_if_another_comes_meanwhile() -> None:
    holder = FakeHolder()

    class Swapping(FakeModel):
        def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
            holder.current = FakeModel(version="8")
            return super().score(matrix)

    holder.current = Swapping()
    found = inferences(apply(request("a"), request("b"), core=new_core(holder)))
    assert [one["version"] for one in found] == ["7", "7"]


class Lined:
    """Holds a line-up."""

    def __init__(self, lineup: Lineup) -> None:
        self.lineup = lineup


def applied_by(lineup: Lineup, *contents: Any) -> Applied:
    core = ServingCore(USE_CASE, TOPICS, Lined(lineup), FixedClock(NOON))
    return apply(*contents, core=core)


def test_a_challenger_in_shadow_stands_in_the_same_inference() -> None:
    pair = Shadowed(FakeModel(), FakeModel(version="8", hash="def"))
    found = inferences(applied_by(pair, request("a", 99), erase_record("b"), request("c", 599)))
    assert [(one["version"], one["probability"]) for one in found] == [("7", 0.1), ("7", 0.6)]
    assert [
        (one["shadow_version"], one["shadow_hash"], one["shadow_probability"]) for one in found
    ] == [("8", "def", 0.1), ("8", "def", 0.6)]


def test_a_challenger_in_shadow_changes_no_latest_score() -> None:
    champion = FakeModel()
    pair = Shadowed(champion, FakeModel(version="8"))
    assert applied_by(pair, request()).entities == applied_by(Alone(champion), request()).entities


def test_a_user_of_the_share_has_inference_and_latest_score_of_the_challenger() -> None:
    pair = Shared(FakeModel(), FakeModel(version="8"), lambda user: user == "b")
    applied = applied_by(pair, request("a", 99), request("b", 99))
    assert [one["version"] for one in inferences(applied)] == ["7", "8"]
    kept = applied.entities["b"]
    assert kept is not None
    assert dict(zip(SCORE_FIELDS, kept, strict=True))["version"] == "8"


def test_the_latest_score_of_an_entity_is_kept() -> None:
    applied = apply(request("a", 1), request("a", 599), request("b", 0))
    kept = applied.entities["a"]
    assert kept is not None
    named = dict(zip(SCORE_FIELDS, kept, strict=True))
    assert (named["probability"], named["decision"]) == ("0.6", "churn")
    assert named["inference_id"] == "sourcesourcesourcesour/0/101/0"
    assert set(applied.entities) == {"a", "b"}


def test_erasing_an_entity_deletes_its_latest_score() -> None:
    applied = apply(request("a"), erase_record("a"), request("b"), erase_record("c"))
    assert (applied.entities["a"], applied.entities["c"]) == (None, None)
    assert applied.entities["b"] is not None


def test_a_score_after_an_erasure_is_kept() -> None:
    assert apply(erase_record("a"), request("a")).entities["a"] is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json", b"not_serving_features"),
        (b"[]", b"not_serving_features"),
        (None, b"not_serving_features"),
        (request(features={}), b"not_serving_features"),
        (request(features={**features(1), "bet_sum": "many"}), b"not_serving_features"),
        (request(features={**features(1), "bet_sum": None}), b"not_serving_features"),
        (request(user_id=7), b"not_serving_features"),
        ({"features": features(1)}, b"not_serving_features"),
        (lookup_record("idx", V1), b"unknown_control"),
        (OutRecord(None, b"{}", (("kind", b"control"),)), b"unknown_control"),
    ],
)
def test_what_cannot_be_scored_is_rejected_with_its_reason(content: Any, reason: bytes) -> None:
    applied = apply(content, request("b"))
    (rejected,) = applied.outputs[REJECTED]
    assert header_in(rejected.headers, REASON_HEADER) == reason
    assert header_in(rejected.headers, STAGE_HEADER) == b"serving"
    assert header_in(rejected.headers, HEADER) == b"sourcesourcesourcesour/0/100/0"
    assert header_in(rejected.headers, TIME_HEADER) is not None
    assert [one["user_id"] for one in inferences(applied)] == ["b"]


def test_an_erasure_goes_on_in_its_place_with_its_origin() -> None:
    applied = apply(request("a"), erase_record("a"), request("b"))
    before, erasure, after = applied.outputs[INFERENCES]
    assert [origin_of(one).offset for one in (before, erasure, after)] == [100, 101, 102]
    assert (erasure.key, erasure.value) == (erase_record("a").key, erase_record("a").value)
    assert (is_control(before.headers), is_control(erasure.headers)) == (False, True)


def test_an_erasure_is_counted_as_no_score() -> None:
    labels = {"stage": STAGE, "type": "features", "outcome": "scored"}
    before = REGISTRY.get_sample_value("pipeline_records_total", labels) or 0
    apply(request("a"), erase_record("a")).settled()
    assert REGISTRY.get_sample_value("pipeline_records_total", labels) == before + 1


def test_an_erasure_needs_no_model_and_no_score_before_it() -> None:
    holder = FakeHolder()
    applied = apply(erase_record("a"), core=new_core(holder))
    assert len(applied.outputs[INFERENCES]) == 1
    assert holder.current.seen == []


class Rig:
    """One process of the stage on fakes."""

    def __init__(self, log: Records, sizes: list[int]) -> None:
        self.store, self.writer = FakeStore(), FakeWriter()
        self.feed = FakeFeed({0: log}, cycle(sizes))
        self.stage = Stateful(
            name=STAGE,
            core=new_core(),
            store=self.store,
            outputs=self.writer,
            fingerprint=USE_CASE.fingerprint,
            effect="score",
            clock=FixedClock(NOON),
            faults=FaultPoints(),
        )
        self.stage.reader = self.feed


contents = st.one_of(
    st.builds(request, st.sampled_from("abcdef"), st.floats(0, 1e6)),
    st.sampled_from("abcdef").map(erase_record),
    st.just(b"not json"),
)


@FEW
@given(
    st.lists(contents, max_size=40),
    st.lists(st.integers(1, 10), min_size=1),
    st.lists(st.integers(0, 9), max_size=4),
)
async def test_any_split_with_replays_and_failures_gives_one_inference_or_erasure_each(
    requests: list[Any], sizes: list[int], failures: list[int]
) -> None:
    log = log_of(*requests)
    again = [
        consumed(record.value, offset=len(log) + n, key=record.key, headers=record.headers)
        for n, record in enumerate(log[len(log) // 2 :])
    ]
    rig = Rig(log + again, sizes)
    rig.writer.failures = failures
    await rig.feed.run(rig.stage)
    found = [origin_of(record).offset for record in rig.writer.effective(TOPICS.inferences)]
    told = [n for n, one in enumerate(requests) if not isinstance(one, bytes)]
    assert found == [100 + n for n in told]
    assert {entity for _, _, entity in rig.store.entities} == kept_of(requests)


def kept_of(requests: list[Any]) -> set[str]:
    """The entities that were scored after their last erasure."""
    kept: set[str] = set()
    for one in requests:
        if isinstance(one, dict):
            kept.add(one["user_id"])
        elif isinstance(one, OutRecord):
            kept.discard((one.key or b"").decode())
    return kept

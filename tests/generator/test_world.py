"""The world behind the default case, held against the rules it is described by."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest

from pipeline.errors import SettingsError
from pipeline.times import parse_time
from pipeline.world import WORLD_END, SourceRecord, WorldSize
from use_cases.first_day_churn.world import build

USERS, EVENTS = 1_000, 100
SIZE = WorldSize(USERS, EVENTS, seed=3)
SECOND = 1_000_000
HOUR = 3_600
KINDS = {
    "new_registration": "registration",
    "new_purchase": "purchase",
    "new_purchases": "purchase",
    "new_bet": "bet",
    "new_win": "win",
}
FIELDS = {"purchase": "amount", "bet": "bet_amount", "win": "win_amount"}


@cache
def decoded() -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in build(SIZE).events()]


@cache
def by_user() -> dict[str, list[dict[str, Any]]]:
    users: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in decoded():
        users[event["user_id"]].append(event)
    return users


def churned(events: list[dict[str, Any]]) -> bool:
    return bool(events[0]["label"])


def kind(event: dict[str, Any]) -> str:
    name: str = event["event_type"]
    return KINDS.get(name, name)


def seconds(event: dict[str, Any]) -> int:
    return parse_time(event["event_time"]) // SECOND


def gaps() -> Iterable[tuple[bool, int, int]]:
    """Whether the user churned, the gap in seconds, and the seconds left before the gap."""
    for events in by_user().values():
        times = [seconds(event) for event in events]
        for before, after in pairwise(times):
            yield churned(events), after - before, WORLD_END // SECOND - before


def digest(records: Iterable[SourceRecord]) -> str:
    sums = hashlib.sha256()
    for key, value in records:
        sums.update((key or b"") + b"\t" + (value or b"") + b"\n")
    return sums.hexdigest()


def test_a_seed_gives_these_bytes_on_every_python_and_machine() -> None:
    assert digest(build(WorldSize(200, 30, seed=7)).events()) == (
        "da149a72408c1c7b8b3dc771af2e6a5bd9eb4c484f8168d02b2b934405170972"
    )


def test_a_world_can_be_told_twice() -> None:
    world = build(WorldSize(20, 5, seed=7))
    assert list(world.events()) == list(world.events())


def test_another_seed_has_no_user_and_no_event_id_in_common() -> None:
    other = [orjson.loads(r.value or b"") for r in build(WorldSize(50, 10, seed=4)).events()]
    assert by_user().keys().isdisjoint(event["user_id"] for event in other)
    ids = {event["event_id"] for event in decoded()}
    assert ids.isdisjoint(event["event_id"] for event in other)


def test_every_user_registers_once_and_has_exactly_so_many_events_after() -> None:
    assert len(by_user()) == USERS
    for events in by_user().values():
        assert [kind(event) for event in events].count("registration") == 1
        assert kind(events[0]) == "registration"
        assert len(events) == 1 + EVENTS


def test_the_total_is_the_number_of_events() -> None:
    assert build(SIZE).total == len(decoded()) == USERS * (1 + EVENTS)


def test_the_key_is_the_user_id() -> None:
    for key, value in build(WorldSize(20, 5, seed=7)).events():
        assert key == orjson.loads(value or b"")["user_id"].encode()


def test_events_come_in_the_order_of_their_times() -> None:
    times = [seconds(event) for event in decoded()]
    assert times == sorted(times)


def test_event_ids_are_unique() -> None:
    ids = {event["event_id"] for event in decoded()}
    assert len(ids) == len(decoded())
    assert all(1 <= len(event_id.encode()) <= 64 for event_id in ids)


def test_seventy_percent_churn() -> None:
    world = build(WorldSize(users=20_000, events=0, seed=3))
    labels = [orjson.loads(record.value or b"")["label"] for record in world.events()]
    assert sum(labels) / len(labels) == pytest.approx(0.70, abs=0.015)  # more than 4 sigma


@pytest.mark.parametrize(
    ("label", "shares"),
    [
        (True, {"purchase": 0.10, "bet": 0.89, "win": 0.01}),
        (False, {"purchase": 0.10, "bet": 0.85, "win": 0.05}),
    ],
)
def test_event_types_have_their_shares(label: bool, shares: dict[str, float]) -> None:  # noqa: FBT001 - a parameter of the case, not of an interface
    events = [e for es in by_user().values() if churned(es) is label for e in es[1:]]
    counts = Counter(kind(event) for event in events)
    assert counts.keys() == shares.keys()
    for name, share in shares.items():
        tolerance = 5 * (share * (1 - share) / len(events)) ** 0.5
        assert counts[name] / len(events) == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("purchase", 30, 70), ("bet", 6, 14), ("win", 120, 280)]
)
def test_amounts_are_uniform_integers_limits_included(name: str, low: int, high: int) -> None:
    amounts = [event[FIELDS[name]] for event in decoded() if kind(event) == name]
    counts = Counter(amounts)
    assert all(type(amount) is int for amount in amounts)
    assert (min(counts), max(counts), len(counts)) == (low, high, high - low + 1)
    expected = len(amounts) / len(counts)
    assert all(abs(count - expected) < 6 * expected**0.5 for count in counts.values())


def test_registrations_come_48_to_96_hours_before_the_end() -> None:
    before = [WORLD_END // SECOND - seconds(events[0]) for events in by_user().values()]
    assert 48 * HOUR <= min(before) < 49 * HOUR
    assert 95 * HOUR < max(before) <= 96 * HOUR


def test_who_churns_never_pauses_for_more_than_100_seconds() -> None:
    found = {gap for churner, gap, _ in gaps() if churner}
    assert found == set(range(5, 101))


def test_who_stays_pauses_shortly_or_comes_back_after_15_to_24_hours() -> None:
    found = {gap for churner, gap, _ in gaps() if not churner and gap > 100}
    assert 15 * HOUR <= min(found) < 16 * HOUR
    assert 23 * HOUR < max(found) <= 24 * HOUR
    assert {gap for churner, gap, _ in gaps() if not churner and gap <= 100} == set(range(5, 101))


def test_who_stays_comes_back_with_probability_0_005_while_30_hours_remain() -> None:
    eligible = [gap for churner, gap, left in gaps() if not churner and left >= 30 * HOUR]
    came_back = sum(gap > 100 for gap in eligible) / len(eligible)
    assert came_back == pytest.approx(0.005, abs=5 * (0.005 / len(eligible)) ** 0.5)


def test_no_one_comes_back_when_less_than_30_hours_remain() -> None:
    users, events = 5_000, 300  # many, read as columns, since few are near the limit
    times = build(WorldSize(users, events, seed=3))._course.time.reshape(users, events + 1)
    gaps, left = np.diff(times), WORLD_END // SECOND - times[:, :-1]
    assert (gaps[(left >= 30 * HOUR) & (left < 31 * HOUR)] > 100).any()
    assert (gaps[left < 30 * HOUR] <= 100).all()


def test_all_is_over_before_the_end() -> None:
    assert seconds(decoded()[-1]) < WORLD_END // SECOND


def test_postcodes_tell_who_churns_from_who_stays() -> None:
    codes: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    for events in by_user().values():
        postcode = events[0]["postcode"]
        assert type(postcode) is int
        assert 10_000 <= postcode <= 99_998
        codes[churned(events)][postcode % 3] += 1
    assert codes[True].keys() == {0, 1}
    assert codes[False].keys() == {0, 2}


def test_the_lookup_has_every_postcode_once() -> None:
    rows = list(build(SIZE).lookups()["socioeconomic_idx"])
    assert [postcode for postcode, _ in rows] == list(range(10_000, 99_999))


@pytest.mark.parametrize(("remainder", "values"), [(0, {3, 4, 5}), (1, {1, 2, 3}), (2, {5, 6, 7})])
def test_the_index_follows_the_postcodes_remainder(remainder: int, values: set[int]) -> None:
    rows = build(SIZE).lookups()["socioeconomic_idx"]
    counts = Counter(index for postcode, index in rows if int(postcode) % 3 == remainder)
    assert counts.keys() == values
    assert all(abs(count - 10_000) < 600 for count in counts.values())


def test_the_lookup_depends_on_the_seed_and_not_on_the_size() -> None:
    rows = build(WorldSize(5, 5, seed=3)).lookups()
    assert rows == build(SIZE).lookups()
    assert rows != build(WorldSize(5, 5, seed=4)).lookups()


def test_some_users_have_an_old_client_with_other_names_and_plain_times() -> None:
    old = [es for es in by_user().values() if es[0]["event_type"] == "new_registration"]
    assert 0.005 * USERS < len(old) < 0.05 * USERS
    assert {event["event_type"] for es in old for event in es} == KINDS.keys()
    assert all(" " in event["event_time"] for es in old for event in es)


def test_a_registration_has_all_its_fields() -> None:
    for events in by_user().values():
        assert events[0].keys() == {
            "user_id", "event_type", "event_time", "event_id", "name", "date_of_birth",
            "street_address", "city", "country", "postcode", "affiliate_url", "campaign", "label",
        }  # fmt: skip
        assert "" not in events[0].values()


def test_a_live_event_is_stamped_when_it_is_taken_and_otherwise_the_same() -> None:
    moments = iter(range(WORLD_END, 10 * WORLD_END, 1_500_001))
    world = build(WorldSize(20, 5, seed=7))
    live = [orjson.loads(record.value or b"") for record in world.live(lambda: next(moments))]
    own = [orjson.loads(record.value or b"") for record in world.events()]
    times = [parse_time(event.pop("event_time")) for event in live]
    assert times == [WORLD_END + n * 1_500_001 for n in range(len(live))]
    assert live == [{k: v for k, v in event.items() if k != "event_time"} for event in own]


@pytest.mark.parametrize("size", [(0, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_an_impossible_size_is_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(SettingsError):
        WorldSize(*size)

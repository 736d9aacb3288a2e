"""The world behind player activity: ten days, with silences, and not quite in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import orjson
import pytest

from pipeline.times import HOUR, parse_time
from pipeline.world import WORLD_END, WorldSize
from use_cases.player_activity.world import build

SIZE = WorldSize(users=400, events=100, seed=3)
DAY = 24 * HOUR


@cache
def decoded() -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in build(SIZE).events()]


def by_player() -> dict[str, list[int]]:
    """When each player's events happened, in the order in which they arrive."""
    found: dict[str, list[int]] = {}
    for event in decoded():
        found.setdefault(event["player_id"], []).append(parse_time(event["event_time"]))
    return found


def test_a_seed_gives_these_bytes_on_every_python_and_machine() -> None:
    sums = hashlib.sha256()
    for key, value in build(WorldSize(200, 30, seed=7)).events():
        sums.update((key or b"") + b"\t" + (value or b"") + b"\n")
    assert sums.hexdigest() == "30b5b5b1d53190399b1d8e04e488e3978776fda355369ca506c09ee5bfc7d052"


def test_the_total_is_the_number_of_events_and_all_ids_differ() -> None:
    ids = {event["event_id"] for event in decoded()}
    assert build(SIZE).total == len(decoded()) == len(ids) == 400 * 101


def test_all_happens_within_ten_days() -> None:
    times = [at for times in by_player().values() for at in times]
    assert WORLD_END - 10 * DAY <= min(times) < WORLD_END - 9 * DAY
    assert WORLD_END - DAY < max(times) <= WORLD_END


def test_most_players_are_silent_for_a_day_somewhen_and_some_to_the_end() -> None:
    ordered = [sorted(times) for times in by_player().values()]
    pauses = [max(b - a for a, b in pairwise(one)) for one in ordered]
    assert sum(pause > DAY for pause in pauses) > 0.9 * len(pauses)
    left = sum(WORLD_END - one[-1] > 5 * DAY for one in ordered) / len(ordered)
    assert left == pytest.approx(0.30, abs=0.08)


def test_some_events_arrive_after_later_ones_and_a_few_after_more_than_a_week() -> None:
    behind = [
        max(times[: place + 1]) - at
        for times in by_player().values()
        for place, at in enumerate(times)
    ]
    late = sum(one > HOUR for one in behind) / len(behind)
    assert 0.005 < late < 0.04
    assert 0 < sum(one > 7 * DAY for one in behind) / len(behind) < 0.002


def test_a_fifth_of_what_is_no_start_of_a_session_is_a_win() -> None:
    counts = Counter(event["event_type"] for event in decoded())
    assert counts.keys() == {"session", "bet", "win"}
    assert counts["win"] / (counts["win"] + counts["bet"]) == pytest.approx(0.20, abs=0.01)
    assert 0.05 < counts["session"] / len(decoded()) < 0.12


def test_live_events_are_stamped_when_they_are_taken() -> None:
    moments = iter(range(WORLD_END, 10 * WORLD_END, 1_500_001))
    live = [orjson.loads(r.value or b"") for r in build(WorldSize(20, 5, 7)).live(moments.__next__)]
    times = [parse_time(event["event_time"]) for event in live]
    assert times == [WORLD_END + n * 1_500_001 for n in range(20 * 6)]


def test_a_world_of_nothing_but_one_event_each_can_be_made() -> None:
    assert build(WorldSize(3, 0, 1)).total == len(list(build(WorldSize(3, 0, 1)).events())) == 3

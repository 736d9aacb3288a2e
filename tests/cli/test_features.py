from __future__ import annotations

import asyncio
import json

import orjson
import pytest
from redis import Redis

from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.marker import Marker
from pipeline.partitioner import partition_of
from pipeline.settings import Settings
from pipeline.state import StateCodec
from pipeline.store.client import connect
from pipeline.store.store import Store
from tests.cli.helpers import Run

DAY = 1_735_689_600_000_000  # 2025-01-01
USER = "zoë"


EVENTS = [
    {"event_type": "purchase", "event_time": "2025-01-01T00:00:00.000000Z", "amount": 5.0},
    {"event_type": "bet", "event_time": "2025-01-01T00:00:00.000001Z", "bet_amount": 3.0},
]


@pytest.fixture
def folded(settings: Settings, case: UseCase) -> dict[str, float | int]:
    """What was folded of the user, which Redis then holds."""
    fold, codec = Fold(case), StateCodec(case)
    state = fold.empty()
    for event in EVENTS:
        fold.apply(state, EventDecoder(case).decode(orjson.dumps({"user_id": USER} | event)), {})
    partition = partition_of(USER.encode(), settings.partitions)
    marker = Marker.first("topic", "g1", case.fingerprint)

    async def write() -> None:
        client = connect(settings.redis)
        store = Store(client, Keys(case.name, FEATURES), codec.fields)
        await store.write(partition, None, marker, {USER: codec.encode(state)})
        await store.close()

    asyncio.run(write())
    return fold.features(state, DAY + 1)


def test_all_features_are_shown_in_their_order(
    run: Run, case: UseCase, folded: dict[str, float | int]
) -> None:
    shown = json.loads(run("features", USER, "--json").output)
    assert shown["features"] == folded
    assert list(shown["features"]) == list(case.features)
    assert shown["newest"] == DAY + 1
    assert shown["as_of"] > DAY + 1  # now


@pytest.mark.usefixtures("folded")
def test_a_person_reads_them_as_a_table(run: Run) -> None:
    words = run("features", USER).words
    assert "purchase_sum │ 5.0" in words
    assert "It has not been scored yet." in words


@pytest.mark.usefixtures("folded")
def test_the_latest_score_is_shown_with_them(run: Run, settings: Settings, case: UseCase) -> None:
    marker = Marker.first("topic", "g2", case.fingerprint)
    keys, partition = Keys(case.name, SCORES), partition_of(USER.encode(), settings.partitions)
    with Redis.from_url(settings.redis.url) as client:
        client.hset(keys.marker(partition), mapping=dict(marker.encode()))
        client.hset(keys.entity(partition, "g2", USER), mapping={"probability": "0.25"})
    assert json.loads(run("features", USER, "--json").output)["score"] == {"probability": "0.25"}


@pytest.mark.usefixtures("folded")
def test_an_entity_that_nothing_is_known_of_is_said_to_be_unknown(run: Run) -> None:
    ended = run("features", "nobody")
    assert ended.status == 1
    assert ended.errors == "pipeline: no event of user_id nobody has been folded yet\n"


@pytest.mark.usefixtures("settings", "case")
def test_before_anything_was_folded_every_entity_is_unknown(run: Run) -> None:
    assert run("features", USER).status == 1


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    ("asked", "as_of"), [("newest", DAY + 1), ("2025-01-01T00:00:01Z", DAY + 1_000_000)]
)
def test_another_moment_can_be_asked_for(run: Run, asked: str, as_of: int) -> None:
    assert json.loads(run("features", USER, "--as-of", asked, "--json").output)["as_of"] == as_of


@pytest.mark.usefixtures("folded")
def test_a_moment_before_the_newest_event_is_gone(run: Run) -> None:
    ended = run("features", USER, "--as-of", "2025-01-01T00:00:00Z")
    assert ended.status == 1
    assert "its newest event is of 2025-01-01T00:00:00.000001Z" in ended.errors


@pytest.mark.usefixtures("folded")
def test_a_moment_that_is_no_time_is_refused(run: Run) -> None:
    assert run("features", USER, "--as-of", "yesterday").status == 2

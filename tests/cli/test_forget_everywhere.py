"""`pipeline forget` with the three stages that remember somebody, each a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

import use_cases
from marketing.core import STAGE as MARKETING
from marketing.remembering import KIND as OFFERS
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from serving.core import STAGE as SERVING
from stream_features.core import STAGE as FEATURE_STAGE
from tests.cli.helpers import Run
from tests.serving.test_process import install
from tests.support.events import NOON, SECOND, bet, caused_by, log_of, purchase
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, World

pytestmark = pytest.mark.slow

KINDS = {FEATURES: FEATURE_STAGE, SCORES: SERVING, OFFERS: MARKETING}
USER = "priv0"
PARTITION = partition_of(USER.encode(), PARTITIONS)


@pytest.fixture
def remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two users in the user's partition whom all three stages remember."""
    monkeypatch.setattr(use_cases, "load", lambda _name: world.case)
    install(world)
    world.settings["OFFERS_THRESHOLD"] = "0"
    events = [
        purchase(50, USER, NOON),
        bet(1, USER, NOON + SECOND),
        purchase(50, neighbour(), NOON),
        bet(1, neighbour(), NOON + SECOND),
    ]
    log = [
        OutRecord(one.key, one.value, caused_by(offset))
        for offset, one in enumerate(log_of(events))
    ]
    world.cluster.append(world.topics.incoming, PARTITION, log)
    with ExitStack() as running:
        for stage in KINDS.values():
            running.enter_context(world.worker(stage))
        eventually(lambda: all(generations(world, kind, USER) for kind in KINDS), 60)
        yield world


def neighbour() -> str:
    """Somebody else of the same partition."""
    names = (f"u{n}" for n in range(100))
    return next(name for name in names if partition_of(name.encode(), PARTITIONS) == PARTITION)


def generations(world: World, kind: str, entity: str) -> set[str]:
    """Those under which Redis holds something of an entity."""
    keys = Keys(world.name, kind)
    with Redis.from_url(world.redis, decode_responses=True) as client:
        places = [
            (keys.place_of(key), key) for key in client.scan_iter(match=f"{keys.all_entities}")
        ]
    return {place[1] for place, key in places if place and key.endswith(f":{entity}")}


def lose_the_markers(world: World) -> None:
    with Redis.from_url(world.redis) as client:
        for kind in KINDS:
            client.delete(Keys(world.name, kind).marker(PARTITION))


def test_nothing_of_the_user_is_left_under_any_generation(remembered: World, run: Run) -> None:
    before = {kind: generations(remembered, kind, USER) for kind in KINDS}
    lose_the_markers(remembered)
    eventually(
        lambda: all(generations(remembered, kind, neighbour()) - before[kind] for kind in KINDS), 60
    )
    assert run("forget", USER).status == 0
    eventually(lambda: not any(generations(remembered, kind, USER) for kind in KINDS), 60)
    eventually(
        lambda: all(len(generations(remembered, kind, neighbour())) == 1 for kind in KINDS), 60
    )


def test_what_was_left_behind_long_ago_is_erased_too(remembered: World, run: Run) -> None:
    with Redis.from_url(remembered.redis) as client:
        for kind in KINDS:
            key = Keys(remembered.name, kind).entity(PARTITION, "4d16accb", USER)
            client.hset(key, "left", "behind")
    assert run("forget", USER).status == 0
    eventually(lambda: not any(generations(remembered, kind, USER) for kind in KINDS), 60)
    assert all(generations(remembered, kind, neighbour()) for kind in KINDS)

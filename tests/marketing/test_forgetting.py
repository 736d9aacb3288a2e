"""`pipeline forget` reaches what marketing remembers, through every stage, on the real servers."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest
from redis import Redis

from cli.forgetting import forget_entity
from cli.runs import settings_of
from marketing.core import STAGE as MARKETING
from marketing.remembering import KIND
from pipeline.control import Erase, decode_erasure, is_control
from pipeline.keys import FEATURES, SCORES
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from serving.core import STAGE as SERVING
from stream_features.core import STAGE as FOLDING
from tests.serving.test_process import install
from tests.support.events import bet, caused_by, purchase
from tests.support.fakes import first_of_each_origin
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, World

USER, OTHER, NEVER_SCORED = "u1", "u2", "u3"
EVENTS = (
    purchase(10, USER),
    purchase(10, OTHER),
    purchase(10, NEVER_SCORED),
    bet(1, USER),
    bet(1, OTHER),
)


def send(world: World) -> None:
    for n, event in enumerate(EVENTS):
        key = str(event["user_id"]).encode()
        record = OutRecord(key, orjson.dumps(event), caused_by(n))
        world.cluster.append(world.topics.incoming, partition_of(key, PARTITIONS), [record])


def known(world: World, kind: str) -> set[str]:
    return set(world.entities(kind))


def saved(world: World) -> Mapping[bytes, bytes]:
    """All that marketing keeps in Redis, its markers too."""
    with Redis.from_url(world.redis) as client:
        keys = client.scan_iter(match=f"{world.name}:*{KIND}*")
        return {key: client.dump(key) for key in keys}


def put_back(world: World, older: Mapping[bytes, bytes]) -> None:
    with Redis.from_url(world.redis) as client:
        for key, value in older.items():
            client.restore(key, 0, value, replace=True)


def passed_on(world: World) -> list[Erase]:
    """The erasures on `inferences`, each once."""
    return [
        decode_erasure(one.value)
        for partition, records in sorted(world.cluster.read(world.topics.inferences).items())
        for one in first_of_each_origin([stored.out for stored in records], partition)
        if is_control(one.headers)
    ]


@pytest.mark.slow
def test_a_forgotten_user_is_forgotten_again_when_redis_comes_back_older(world: World) -> None:
    world.settings["OFFERS_THRESHOLD"] = "0"
    install(world)
    send(world)
    with world.worker(FOLDING), world.worker(SERVING):
        with world.worker(MARKETING):
            eventually(lambda: known(world, KIND) == {USER, OTHER}, 60)
            older = saved(world)
            for user in (USER, NEVER_SCORED):
                forget_entity(settings_of(world.environ, "KAFKA"), world.case, user)
            eventually(lambda: known(world, KIND) == {OTHER}, 60)
        put_back(world, older)
        assert known(world, KIND) == {USER, OTHER}
        with world.worker(MARKETING) as again:
            world.wait_until_applied(KIND, world.topics.inferences, again)
    assert [known(world, kind) for kind in (KIND, FEATURES, SCORES)] == [{OTHER}] * 3
    assert {one.entity for one in passed_on(world)} == {USER, NEVER_SCORED}

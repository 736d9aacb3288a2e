"""A log whose every bet and win counts, and what a stage must have made of it."""

from __future__ import annotations

from prometheus_client import REGISTRY

from pipeline.marker import Marker
from tests.support.events import SECOND, bet, log_of, purchase, win
from tests.support.fakes import FakeWriter, Records, origin_of
from tests.support.stages import TOPICS, straight_fold
from tests.support.stores import Server

CHECK = 2 * SECOND  # longer than the pause between two looks at the markers


def a_log(length: int = 24, users: int = 5) -> Records:
    """Purchases first, then bets and wins that all count; ids would hide what is folded twice."""
    makers = (bet, win, bet)
    return log_of(
        [
            purchase(50 + n, f"u{n}")
            if n < users
            else makers[n % 3](0.1 * n, f"u{n % users}", event_id=f"e{n}" if n % 5 == 0 else None)
            for n in range(length)
        ]
    )


async def assert_is_fold(server: Server, writer: FakeWriter, log: Records) -> None:
    """Redis has the fold's bits under one generation, and each score was asked for once."""
    expected = straight_fold(log)
    found = await server.entities()
    marker = await marker_of(server)
    live = {entity: values for (_, g, entity), values in found.items() if g == marker.generation}
    assert live == expected.entities
    assert marker.offset == len(log) - 1
    effective = [(origin_of(one), one.key) for one in writer.effective(TOPICS.features)]
    assert effective == [(origin, entity.encode()) for origin, entity in expected.scored]


async def marker_of(server: Server, partition: int = 0) -> Marker:
    marker = await server.store.marker(partition)
    assert marker is not None
    return marker


def rewinds(why: str) -> float:
    labels = {"stage": "stream_features", "why": why}
    return REGISTRY.get_sample_value("pipeline_rewinds_total", labels) or 0.0

"""Looking at many partitions at once: the fake, one server, and a cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from embedded.ports import free_port
from pipeline.errors import Fatal, InfrastructureError
from pipeline.marker import Marker
from pipeline.settings import RedisSettings
from pipeline.store.client import Client, connect, connect_to_read
from pipeline.store.peek import Live, Peek, Wanted, peek_at
from tests.support.stores import FIELDS, KEYS, FakeServer, RedisServer, Server

MARKER = Marker.first("topic", "g1", "f1", 8)
LIVE = Live("g1", "f1", 8)
VALUES = [f"value {number}" for number in range(len(FIELDS))]
ASKED = (FIELDS[3], FIELDS[0])
READ = [b"value 3", b"value 0"]


@pytest.fixture
def peek(server: Server) -> Peek:
    if isinstance(server, FakeServer):
        return server.store.peek(FIELDS, ASKED)
    client: Client = server.client  # type: ignore[attr-defined] # a real one has it
    return peek_at(client, KEYS, ASKED)


async def hold(server: Server, partition: int, *entities: str) -> None:
    await server.store.write(partition, None, MARKER, dict.fromkeys(entities, VALUES))


async def test_entities_of_several_partitions_are_seen_at_once(server: Server, peek: Peek) -> None:
    await hold(server, 0, "a", "b")
    await hold(server, 5, "c")
    seen = await peek.read({0: Wanted("g1", ["b", "a"]), 5: Wanted("g1", ["c"])})
    assert seen == {0: (LIVE, [READ, READ]), 5: (LIVE, [READ])}


async def test_who_is_not_there_has_no_values(server: Server, peek: Peek) -> None:
    await hold(server, 0, "a")
    seen = await peek.read({0: Wanted("g1", ["nobody", "a"])})
    assert seen[0].values == [[None, None], READ]


async def test_a_partition_without_a_marker_has_nothing_live(server: Server, peek: Peek) -> None:
    await hold(server, 0, "a")
    seen = await peek.read({0: Wanted("g1", ["a"]), 3: Wanted("", ["a"])})
    assert (seen[0].live, seen[3].live) == (LIVE, None)


async def test_the_generation_that_is_live_is_told_whichever_is_read(
    server: Server, peek: Peek
) -> None:
    await hold(server, 0, "a")
    await server.store.write(0, MARKER, replace(MARKER, generation="g2"), {})
    seen = await peek.read({0: Wanted("g1", ["a"])})
    assert seen[0] == (LIVE._replace(generation="g2"), [READ])


async def test_an_empty_value_is_there(server: Server, peek: Peek) -> None:
    await server.store.write(0, None, MARKER, {"a": [""] * len(FIELDS)})
    assert (await peek.read({0: Wanted("g1", ["a"])}))[0].values == [[b"", b""]]


async def test_a_key_that_is_no_hash_is_fatal(server: Server, peek: Peek) -> None:
    await hold(server, 0, "a")
    await server.spoil((0, "g1", "a"))
    with pytest.raises(Fatal, match="partition 0"):
        await peek.read({0: Wanted("g1", ["a"])})


async def test_a_server_that_has_forgotten_the_script_is_told_it(
    real_server: RedisServer,
) -> None:
    peek = peek_at(real_server.client, KEYS, ASKED)
    await hold(real_server, 0, "a")
    await real_server.forget_scripts()
    assert (await peek.read({0: Wanted("g1", ["a"])}))[0].values == [READ]


async def test_one_connection_that_was_lost_is_made_anew(redis_url: str) -> None:
    settings = RedisSettings(redis_url)
    reading, other = connect_to_read(settings), connect(settings)
    peek = peek_at(reading, KEYS, ASKED)
    try:
        await peek.read({0: Wanted("g1", ["a"])})
        await other.client_kill_filter(_id=str(await reading.client_id()))
        assert (await peek.read({7: Wanted("g1", ["a"])}))[7].values == [[None, None]]
    finally:
        await reading.aclose()
        await other.aclose()


async def test_a_server_that_is_away_is_told_each_time() -> None:
    reading = connect_to_read(RedisSettings(f"redis://127.0.0.1:{free_port()}/0"))
    peek = peek_at(reading, KEYS, ASKED)
    for _ in range(2):
        with pytest.raises(InfrastructureError):
            await peek.read({0: Wanted("g1", ["a"])})
    await reading.aclose()

"""The script's outcomes on a real Redis, one server and a cluster; which errors pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from redis import exceptions

from embedded.ports import free_port
from pipeline.control import lookup_record
from pipeline.errors import Fatal, InfrastructureError, Refusal
from pipeline.marker import Marker
from pipeline.origin import Highest
from pipeline.recent_ids import hashed_id
from pipeline.settings import RedisSettings, Secret
from pipeline.state import StateCodec
from pipeline.store.client import connect, translated, warn_unless_durable
from pipeline.store.store import Conflict, Store, Values
from pipeline.windows import Moments
from tests.support.events import (
    NOON,
    V1,
    log_of,
    purchase,
    registration,
)
from tests.support.stages import INDEX, Rig
from tests.support.states import state_of
from tests.support.stores import FIELDS, KEYS, RedisServer
from use_cases.first_day_churn import USE_CASE

FIRST = Marker.first("topic", "g1", "f1")
WROTE = FIRST.at(4, Highest({("s", 0): (0, 4, 0)}), {"idx": "v1"})
CODEC = StateCodec(USE_CASE)
STATE = state_of([3.5], [NOON], [Moments(2, 5.0, 2.5, 4.5)] * 3, hashed_id("e"), NOON)
VALUES = CODEC.encode(STATE)


async def write(
    server: RedisServer,
    believed: Marker | None,
    new: Marker,
    entities: Mapping[str, Values] | None = None,
) -> Conflict | None:
    return await server.store.write(0, believed, new, entities or {})


async def test_entities_and_marker_are_written_together(real_server: RedisServer) -> None:
    assert await write(real_server, None, WROTE, {"u1": VALUES}) is None
    snapshot = await real_server.store.read(0, "g1", ["u1", "u2"])
    assert snapshot.marker == await real_server.store.marker(0) == WROTE
    assert CODEC.decode(snapshot.values[0]) == STATE
    assert CODEC.decode(snapshot.values[1]) is None


async def test_a_wrong_password_is_refused_and_not_shown(redis_url: str) -> None:
    address = RedisSettings(redis_url).address
    client = connect(RedisSettings(address, username="me", password=Secret("pass-x")))
    with pytest.raises(Refusal, match="PIPELINE_REDIS_PASSWORD") as refused:
        await Store(client, KEYS, FIELDS).marker(0)
    await client.aclose()
    assert "pass-x" not in str(refused.value)


async def test_a_person_reads_an_entity_with_hgetall(real_server: RedisServer) -> None:
    await write(real_server, None, WROTE, {"u1": VALUES})
    found = await real_server.client.hgetall("first_day_churn:features:{0}:g1:u1")
    assert found[b"socioeconomic_idx"] == b"3.5"
    assert found[b"bet_count"] == b"2"
    assert (*(name.decode() for name in found),) == (*CODEC.required, "recent_ids")


@pytest.mark.parametrize(
    "actual",
    [
        None,
        WROTE.at(3, Highest(), {}),
        WROTE.at(5, Highest(), {}),
        replace(WROTE, generation="g2"),
        replace(WROTE, topic_id="other"),
        replace(WROTE, fingerprint="f2"),
    ],
)
async def test_a_marker_that_is_not_as_believed_is_answered_and_nothing_written(
    real_server: RedisServer, actual: Marker | None
) -> None:
    if actual is not None:
        await real_server.put_marker(0, actual)
    new = WROTE.at(9, Highest(), {})
    assert await write(real_server, WROTE, new, {"u1": VALUES}) == Conflict(actual)
    assert await real_server.store.marker(0) == actual
    assert await real_server.entities() == {}


async def test_a_marker_that_nobody_believed_in_is_answered(real_server: RedisServer) -> None:
    await real_server.put_marker(0, WROTE)
    assert await write(real_server, None, WROTE, {"u1": VALUES}) == Conflict(WROTE)
    assert await real_server.entities() == {}


async def test_a_deleted_entity_leaves_no_key(real_server: RedisServer) -> None:
    await write(real_server, None, WROTE, {"u1": VALUES, "u2": VALUES})
    await write(real_server, WROTE, WROTE.at(5, Highest(), {}), {"u1": None})
    assert [entity for _, _, entity in await real_server.entities()] == ["u2"]


async def test_an_entity_is_always_written_in_full(real_server: RedisServer) -> None:
    await real_server.client.hset(KEYS.entity(0, "g1", "u1"), "stray", "field")
    await write(real_server, None, WROTE, {"u1": VALUES})
    found = await real_server.client.hgetall(KEYS.entity(0, "g1", "u1"))
    assert b"stray" not in found


@pytest.mark.parametrize("spoilt", ["first", "last"])
async def test_a_key_of_another_type_stops_the_whole_write(
    real_server: RedisServer, spoilt: str
) -> None:
    await real_server.spoil((0, "g1", spoilt))
    entities = {"first": VALUES, "middle": VALUES, "last": VALUES}
    with pytest.raises(Fatal, match=f"partition 0 is suspect.*{spoilt}"):
        await write(real_server, None, WROTE, entities)
    assert await real_server.store.marker(0) is None
    assert await real_server.client.exists(KEYS.entity(0, "g1", "middle")) == 0


async def test_a_marker_of_another_type_stops_the_whole_write(real_server: RedisServer) -> None:
    await real_server.client.set(KEYS.marker(0), "no hash")
    with pytest.raises(Fatal, match="partition 0 is suspect"):
        await write(real_server, None, WROTE, {"u1": VALUES})
    assert await real_server.entities() == {}


async def test_a_marker_that_no_one_of_us_wrote_is_fatal(real_server: RedisServer) -> None:
    await real_server.client.hset(KEYS.marker(0), "offset", "7")
    with pytest.raises(Fatal, match="a marker in Redis cannot be read"):
        await real_server.store.marker(0)


async def test_1000_entities_are_written_in_one_call(real_server: RedisServer) -> None:
    entities: dict[str, Values] = {f"u{n}": VALUES for n in range(1000)}
    assert await write(real_server, None, WROTE, entities) is None
    assert len(await real_server.entities()) == 1000


@pytest.mark.parametrize("entity", ["{7}", "a b\u00e9", "u:1:2", "*", "😀" * 32])
async def test_any_entity_s_key_is_in_its_partition_s_slot(
    real_server: RedisServer, entity: str
) -> None:
    await write(real_server, None, WROTE, {entity: VALUES})
    snapshot = await real_server.store.read(0, "g1", [entity])
    assert CODEC.decode(snapshot.values[0]) == STATE


async def test_a_full_state_stays_in_the_compact_encoding(real_server: RedisServer) -> None:
    long = Moments(2**53, 0.1 + 0.2, 12345.678901234567, -1.2345678901234567e-100)
    ids = b"".join(hashed_id(f"e{n}") for n in range(USE_CASE.remembered_ids))
    full = state_of([1.2345678901234567], [NOON], [long] * 3, ids, NOON)
    await write(real_server, None, WROTE, {"u1": CODEC.encode(full)})
    key = KEYS.entity(0, "g1", "u1")
    encoding = await real_server.client.object("ENCODING", key)
    assert encoding in {b"ziplist", b"listpack"}
    assert await real_server.client.memory_usage(key) < 1100


async def test_an_entity_has_only_the_fields_that_its_ids_need(real_server: RedisServer) -> None:
    key = KEYS.entity(0, "g1", "u1")
    believed: Marker | None = None
    for offset, (many, fields) in enumerate([(32, 4), (9, 2), (8, 1), (0, 0)]):
        ids = b"".join(hashed_id(f"e{n}") for n in range(many))
        state, marker = replace(STATE, recent=ids), replace(WROTE, offset=offset)
        await write(real_server, believed, marker, {"u1": CODEC.encode(state)})
        held = {name for name in await real_server.client.hkeys(key) if b"recent_ids" in name}
        assert len(held) == fields
        (values,) = (await real_server.store.read(0, "g1", ["u1"])).values
        assert CODEC.decode(values) == state
        believed = marker


async def test_a_read_of_many_entities_keeps_their_order(real_server: RedisServer) -> None:
    names = [f"u{n}" for n in range(300)]
    states = {
        name: CODEC.encode(state_of([float(n)], [None], [Moments()] * 3))
        for n, name in enumerate(names)
    }
    await write(real_server, None, WROTE, states)
    snapshot = await real_server.store.read(0, "g1", names[::-1])
    assert [values[0] for values in snapshot.values] == [
        repr(float(n)).encode() for n in range(299, -1, -1)
    ]


async def test_the_marker_keeps_the_lookups_in_force(real_server: RedisServer) -> None:
    log = log_of([lookup_record(INDEX, V1), registration(postcode=10000), purchase(1)])
    await Rig({0: log}, real_server.store).run()
    marker = await real_server.store.marker(0)
    assert marker is not None
    assert marker.lookups == {INDEX: V1}


async def test_a_real_redis_can_be_asked_how_durable_it_is(redis_settings: RedisSettings) -> None:
    client = connect(redis_settings)
    await warn_unless_durable(client)
    await client.aclose()


async def test_a_redis_that_is_away_is_an_outage() -> None:
    store = Store(connect(RedisSettings(f"redis://127.0.0.1:{free_port()}")), KEYS, FIELDS)
    with pytest.raises(InfrastructureError, match="reading a marker"):
        await store.marker(0)


async def test_a_cluster_that_is_away_is_an_outage() -> None:
    settings = RedisSettings(f"redis://127.0.0.1:{free_port()}", cluster=True)
    store = Store(connect(settings), KEYS, FIELDS)
    with pytest.raises(InfrastructureError, match="reading a marker"):
        await store.marker(0)


async def test_a_redis_that_is_full_is_an_outage_and_nothing_is_written(clean_redis: str) -> None:
    server = RedisServer(RedisSettings(clean_redis))
    await server.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(InfrastructureError, match=r"OOM|OutOfMemory"):
            await write(server, None, WROTE, {"u1": VALUES})
    finally:
        await server.client.config_set("maxmemory", "0")
    assert await server.store.marker(0) is None
    assert await server.entities() == {}
    await server.close()


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("reset"),
        exceptions.TimeoutError("slow"),
        exceptions.BusyLoadingError("LOADING Redis is loading the dataset in memory"),
        exceptions.ClusterDownError("CLUSTERDOWN The cluster is down"),
        exceptions.MovedError("3999 127.0.0.1:6381"),
        exceptions.AskError("3999 127.0.0.1:6381"),
        exceptions.TryAgainError("TRYAGAIN Multiple keys request during rehashing of slot"),
        exceptions.ReadOnlyError("READONLY You can't write against a read only replica."),
        exceptions.OutOfMemoryError("OOM command not allowed when used memory > 'maxmemory'."),
        exceptions.ResponseError("BUSY Redis is busy running a script."),
        exceptions.ResponseError("MASTERDOWN Link with MASTER is down"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        exceptions.ResponseError("OOM command not allowed, script: 1f, on @user_script:36."),
        OSError("no route to host"),
    ],
)
def test_what_passes_is_an_outage_and_says_what_redis_said(error: Exception) -> None:
    with pytest.raises(InfrastructureError) as caught, translated("doing it"):
        raise error
    assert str(error) in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind"),
        exceptions.ResponseError("ERR Error running script: @user_script:3: bad argument"),
        exceptions.DataError("Invalid input"),
        exceptions.NoPermissionError("NOPERM this user has no permissions"),
    ],
)
def test_any_other_error_of_redis_ends_the_process_and_says_what_redis_said(
    error: Exception,
) -> None:
    with pytest.raises(Fatal) as caught, translated("doing it"):
        raise error
    assert f"Redis, doing it: {type(error).__name__}: {error}" == str(caught.value)

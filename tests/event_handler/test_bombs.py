"""The handler as a process on the real Kafka, fed with what unpacks to far more than it weighs."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from pipeline.records import HEAD_BYTES, MOST_VALUE_BYTES, OutRecord
from tests.support.batches import batch, bomb, sealed, send
from tests.support.events import bet
from tests.support.kafka import Stored, eventually
from tests.support.processes import Worker, World

STAGE = "event_handler"
MB = 1024 * 1024
GOOD = [OutRecord(b"k", orjson.dumps(bet(n, f"u{n}"))) for n in range(20)]
_ABOVE = 400
"""How far (MB) the process may grow beyond what it takes when idle; docs/guarantees.md says it."""


def memory(worker: Worker, what: str) -> int:
    """The process's memory in MB: `VmRSS` now, `VmHWM` the highest so far."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def seconds(worker: Worker) -> float:
    """Of the processor that the process has taken so far."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(world: World, worker: Worker, count: int) -> None:
    """So many records have come out on one of the two topics."""

    def came_out() -> bool:
        assert worker.is_running, worker.log.read_text()[-2000:]
        topics = (world.topics.incoming, world.topics.rejected)
        return sum(sum(world.cluster.ends(topic).values()) for topic in topics) >= count

    eventually(came_out, 60)


def rejections(world: World) -> list[tuple[str, Stored]]:
    return [
        ((dict(one.headers)["reason"] or b"").decode(), one)
        for records in world.cluster.read(world.topics.rejected).values()
        for one in records
    ]


def incoming(world: World) -> int:
    return sum(world.cluster.ends(world.topics.incoming).values())


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
async def test_a_bomb_is_three_dead_letters_and_the_good_go_on(world: World, codec: str) -> None:
    source = world.topics.generated
    small, large = bomb(codec, 3 * MB), bomb(codec, 200 * MB)
    with world.worker(STAGE, FLOOD_SHARE="1") as worker:
        await send(world.cluster.bootstrap, source, 0, batch(GOOD, codec))
        wait_for(world, worker, 20)
        idle = memory(worker, "VmRSS")
        await send(world.cluster.bootstrap, source, 0, small, large, batch(GOOD, codec))
        wait_for(world, worker, 20 + 3 + 3 + 20)
        assert memory(worker, "VmHWM") - idle < _ABOVE
        assert worker.ends_on_sigterm() == 0
    assert incoming(world) == 40
    found = rejections(world)
    zeros = bytes(3 * MB)
    (kept,) = [one for reason, one in found if reason == "too_large"]
    assert kept.value == zeros[:HEAD_BYTES]
    headers = dict(kept.headers)
    assert (headers["length"], headers["sha256"]) == (
        b"%d" % len(zeros),
        sha256(zeros).hexdigest().encode(),
    )
    unread = [one for reason, one in found if reason == "batch_too_large"]
    assert [one.value for one in unread] == [None] * 3
    headers = dict(unread[0].headers)
    assert (headers["length"], headers["codec"]) == (b"%d" % len(large), codec.encode())


async def test_300_mb_in_300_kb_take_less_than_a_second_of_the_processor(world: World) -> None:
    """So long the record behind waits, where nothing else goes on."""
    large = bomb("gzip", 300 * MB)
    assert len(large) < 310_000
    with world.worker(STAGE) as worker:
        await send(world.cluster.bootstrap, world.topics.generated, 0, batch(GOOD))
        wait_for(world, worker, 20)
        idle = seconds(worker)
        await send(world.cluster.bootstrap, world.topics.generated, 0, large, batch(GOOD))
        wait_for(world, worker, 20 + 3 + 20)
        assert seconds(worker) - idle < 1


async def test_odd_keys_and_headers_are_no_end(world: World) -> None:
    odd = [
        OutRecord(b"k" * 900_000, b"no event"),
        OutRecord(b"k" * 900_000, GOOD[0].value),
        OutRecord(b"k" * (HEAD_BYTES // 2), bytes(MOST_VALUE_BYTES)),  # the largest rejection
        OutRecord(None, b"no event", (("", None),) * 100_000),
        OutRecord(None, GOOD[1].value, (("origin", None), ("kind", b"control"))),
    ]
    torn = batch([OutRecord(b"k", GOOD[2].value, (("name", b"x"),))])
    torn = sealed(bytearray(torn.replace(b"\x08name", b"\x08\xff\xfe\xfd\xfc")))
    with world.worker(STAGE, FLOOD_SHARE="1") as worker:
        wires = [*(batch([one], "zstd") for one in odd), torn]
        await send(world.cluster.bootstrap, world.topics.generated, 0, *wires)
        wait_for(world, worker, 6)
        assert worker.ends_on_sigterm() == 0
    reasons = sorted(reason for reason, _ in rejections(world))
    assert reasons == ["not_json", "not_json", "too_large"]
    assert incoming(world) == 3

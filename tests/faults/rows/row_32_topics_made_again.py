"""Topics are made again under their names while workers run, and while workers are held up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import orjson

from cli.stack.supervisor import State
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.logs import Topic
from tests.faults.origins import effective
from tests.faults.row import Row
from tests.faults.rows.row_21_another_log import NEW_EPOCH, RATE, Scenes, goes_on
from tests.support.events import bet
from tests.support.kafka import Cluster

REFUSING = ("stream_features-1", "inference_logger-1")
HELD_UP_SECONDS = 12.0
BEYOND = 50
"""How many records longer than the old log the new one is."""
TIMES = 2


def play(arena: Arena) -> Findings:
    scenes = Scenes(arena)
    for _ in range(TIMES):
        source_made_again(scenes)
    made_again_behind(scenes, "Redis away", partial(redis_away, arena))
    made_again_behind(scenes, "stopped", partial(stopped, arena))
    return Findings(
        wanted=TIMES + 2,
        injected=scenes.injected,
        verdicts=scenes.verdicts,
        recovery=max(scenes.seconds),
    )


def source_made_again(scenes: Scenes) -> None:
    """The handler goes on by itself, and every record of each topic has its effect."""
    arena, topic = scenes.arena, scenes.arena.topics.generated
    with arena.running():
        with arena.load(rate=RATE):
            arena.finish()
        made_again(scenes, topic)
        with arena.load(rate=RATE):
            verdict = arena.finish()
        scenes.seconds.append(arena.waits[-1][1])
        scenes.saw("I7", "source", verdict)
        scenes.is_right("source")
        came, log = came_out(scenes)
        missing = len(scenes.now()[topic]) - came
        seen = fact("", holds=missing == 0, otherwise=f"{missing} records of {log} did not")
        scenes.saw("each record of the new source came out", "source", seen)


def came_out(scenes: Scenes) -> tuple[int, str]:
    """How many records of the source as it is now have an effect behind the handler."""
    evidence, now = scenes.arena.evidence(), scenes.now()
    log = evidence.source_log
    topics = [now[scenes.arena.topics.incoming], now[scenes.arena.topics.rejected]]
    return sum(_of(topic, log) for topic in topics), log


def _of(topic: Topic, log: str) -> int:
    return sum(
        origin.log == log
        for records in topic.partitions.values()
        for origin, _ in effective(topic.id, records)
    )


def made_again_behind(
    scenes: Scenes, fault: str, held_up: Callable[[], AbstractContextManager[None]]
) -> None:
    """Stages that cannot look meanwhile refuse, and have applied nothing of the new topic."""
    arena, topic = scenes.arena, scenes.arena.topics.incoming
    cluster = Cluster(arena.settings.kafka.bootstrap)
    with arena.running() as crew:
        with arena.load(rate=RATE):
            arena.finish()
        scenes.ends_epoch()
        before = cluster.ends(topic)
        with held_up():
            made_again(scenes, topic)
            for number, end in before.items():
                cluster.append(topic, number, bets_of(arena, number, end + BEYOND))
        workers = {name: crew.workers[name] for name in REFUSING}
        took = arena.until(
            lambda: all(one.state is State.REFUSED for one in workers.values()), 60, "both refuse"
        )
        scenes.seconds.append(took)
        said = {name: worker.why for name, worker in workers.items()}
        scenes.refuses(fault, said, "rebuild --new-epoch")
    scenes.mends(fault, *NEW_EPOCH)
    goes_on(scenes, fault)


def bets_of(arena: Arena, number: int, count: int) -> Iterator[OutRecord]:
    """Events of a user who belongs to a partition, each its own first log."""
    names = (f"late-{n}" for n in itertools.count())
    partitions = arena.settings.partitions
    user = next(name for name in names if partition_of(name.encode(), partitions) == number)
    for n in range(count):
        yield OutRecord(user.encode(), orjson.dumps(bet(n + 1, user)))


@contextmanager
def redis_away(arena: Arena) -> Iterator[None]:
    """As in an outage of a quarter of a minute."""
    arena.servers.redis.freeze()
    try:
        yield
        arena.pass_time(HELD_UP_SECONDS)
    finally:
        arena.servers.redis.thaw()


@contextmanager
def stopped(arena: Arena) -> Iterator[None]:
    """The processes themselves."""
    for name in REFUSING:
        arena.crew.freeze(name)
    try:
        yield
    finally:
        for name in REFUSING:
            arena.crew.thaw(name)


def made_again(scenes: Scenes, topic: str) -> None:
    """Deleted, and made again at once."""
    before = scenes.now()[topic].id
    Cluster(scenes.arena.settings.kafka.bootstrap).delete(topic)
    scenes.mends("made again", "topics", "create")
    scenes.injected += scenes.now()[topic].id != before


ROW = Row(32, "topics made again under workers", play)

"""Redis is emptied, and Kafka has cut off the logs that its state was made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from redis import Redis

from cli.stack.supervisor import State
from cli.state.markers import KINDS
from pipeline.parquet.files import position_of
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3, I4
from tests.faults.logs import Logs, read_logs
from tests.faults.recovery import Worked, applied_offsets, are_beyond, has_sent
from tests.faults.row import Row
from tests.support.kafka import Cluster

REFUSING = tuple(f"{stage}-1" for stage in KINDS)

Ends = Mapping[str, Mapping[int, int]]
"""By topic and partition."""


def play(arena: Arena) -> Findings:
    with arena.running() as crew, arena.load() as source:
        arena.until(partial(has_sent, source, arena.scale.events // 2), 120, "half of the events")
        ends, before = ends_of(arena), applied_offsets(arena)
        arena.until(partial(are_done_with, arena, ends), 30, "the logger and the markers")
        earlier = read_logs(arena.settings.kafka.bootstrap, [*arena.topics.ours])
        cut_off(arena, ends)
        with Redis.from_url(arena.settings.redis.url) as client:
            client.flushall()
        for instance in REFUSING:
            arena.until(partial(has_refused, crew, instance), 30, f"{instance} refuses")
        said = [crew.workers[instance].why for instance in REFUSING]
        ended = arena.pipeline("rebuild")
        worked = Worked.so_far(crew)
        seconds = arena.until(partial(are_there, arena, before, worked), 60, "all that was there")
        recovered = arena.finish()
        return Findings(
            wanted=len(REFUSING) * arena.settings.partitions,
            injected=is_cut_off(earlier, ends, arena),
            verdicts=(
                fact(
                    "refused with the command that mends it",
                    holds=all("`pipeline rebuild`" in one for one in said),
                    otherwise=f"{said}",
                ),
                fact("rebuilt", holds=ended.status == 0, otherwise=ended.output),
                *arena.check(I1, I2, I3, I4, earlier=earlier),
                recovered,
            ),
            recovery=seconds,
        )


def ends_of(arena: Arena) -> Ends:
    cluster = Cluster(arena.settings.kafka.bootstrap)
    return {topic: cluster.ends(topic) for topic in arena.topics.ours}


def are_done_with(arena: Arena, ends: Ends) -> bool:
    """Whether so much of the topics is in Parquet, and applied."""
    applied, topics = applied_offsets(arena), arena.topics
    read = {"stream_features": topics.incoming, "serving": topics.features}
    logged = {
        (topic, number): position_of(arena.settings.parquet_dir / topic, number)
        for topic in topics.logged
        for number in ends[topic]
    }
    return all(
        applied.get((stage, number), -1) >= end - 1
        for stage, topic in read.items()
        for number, end in ends[topic].items()
    ) and all(
        one is not None and one.next_offset >= ends[topic][number]
        for (topic, number), one in logged.items()
        if ends[topic][number]
    )


def cut_off(arena: Arena, ends: Ends) -> None:
    cluster, topics = Cluster(arena.settings.kafka.bootstrap), arena.topics
    for topic in (topics.incoming, topics.features):
        for number, end in ends[topic].items():
            cluster.delete_records(topic, number, end)


def is_cut_off(earlier: Logs, ends: Ends, arena: Arena) -> int:
    """How many partitions have lost records that a state was made of."""
    return sum(
        end > 0 and len(earlier[topic].partitions[number]) >= end
        for topic in (arena.topics.incoming, arena.topics.features)
        for number, end in ends[topic].items()
    )


def has_refused(crew: Crew, instance: str) -> bool:
    return crew.workers[instance].state is State.REFUSED


def are_there(arena: Arena, before: Mapping[tuple[str, int], int], worked: Worked) -> bool:
    """Whether what was applied is applied again, and everybody goes on."""
    return are_beyond(applied_offsets(arena), before) and worked.all_go_on()


ROW = Row(9, "FLUSHALL and the log cut off", play)

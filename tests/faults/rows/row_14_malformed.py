"""One event in a hundred is malformed, in every way there is; then nearly all are: a flood."""

from __future__ import annotations

import json
import time
from functools import partial

from cli.state.pauses import Partition, read_pauses
from generator.malformed import breakages
from pipeline.kafka.admin import Admin
from pipeline.records import OutRecord
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I2, I4, I5
from tests.faults.row import Row
from tests.support.kafka import Cluster

HANDLER = "event_handler-1"
STAYS = 5.0
"""Seconds for which a paused handler is watched."""


def play(arena: Arena) -> Findings:
    share, kinds = arena.scale.pick(0.01, 0.04), len(breakages(arena.case))
    with arena.running() as crew, arena.load(malformed=share) as source:
        arena.until(partial(has_sent_malformed, arena, kinds), 120, "every kind of malformed")
        ended = sum(crew.deaths().values())
        flood(arena, 2 * source.sent + 2_000)
        arena.until(partial(is_paused, arena), 60, "the pause")
        pause = shown_wrong(arena)
        before = offsets(arena)
        crew.kill(HANDLER)
        arena.until(partial(is_paused, arena), 60, "the pause after a restart")
        arena.pass_time(STAYS)
        after = offsets(arena)
        began = time.monotonic()
        said = arena.pipeline("resume", "event_handler")
        arena.until(partial(crew.is_ready, HANDLER), 30, "ready again")
        resumed = time.monotonic() - began
        recovered = arena.finish()
        return Findings(
            wanted=kinds + 1,
            injected=sent_malformed(arena) + (1 if before else 0),
            verdicts=(
                *arena.check(I1, I2, I4, I5),
                recovered,
                fact("no worker ended", holds=not ended, otherwise=f"{ended} ends"),
                Verdict.of("paused and seen", 1, pause),
                fact("stays paused", holds=before == after, otherwise=f"{before}, {after}"),
                fact("resume", holds=said.status == 0, otherwise=said.output),
                arena.within("going on", [resumed], 10.0),
            ),
            recovery=resumed,
        )


def sent_malformed(arena: Arena) -> int:
    values = arena.malformed.values
    return sum(value in values for _, value in arena.source.acknowledged)


def has_sent_malformed(arena: Arena, count: int) -> bool:
    return sent_malformed(arena) >= count


def flood(arena: Arena, count: int) -> None:
    """Put records of a wrong topic into every partition of the source."""
    cluster = Cluster(arena.servers.kafka.address)
    values = [b"<line number=%d/>" % number for number in range(count)]
    arena.malformed.values.update(values)
    for partition in range(PARTITIONS):
        mine = [OutRecord(None, value) for value in values[partition::PARTITIONS]]
        cluster.append(arena.topics.generated, partition, mine)


def is_paused(arena: Arena) -> bool:
    """Whether the present process says so of all its partitions."""
    return arena.crew.sum("pipeline_paused_partitions", HANDLER) == PARTITIONS


def offsets(arena: Arena) -> dict[Partition, int]:
    """Where each partition is paused."""
    with Admin.connect(arena.settings.kafka) as admin:
        return {place: one.offset for place, one in read_pauses(admin, arena.case).items()}


def shown_wrong(arena: Arena) -> list[str]:
    """What is wrong with how a paused handler looks from outside."""
    problems = []
    paused = json.loads(arena.pipeline("status", "--json").output)["paused"]
    if [one["partitions"] for one in paused] != [[*range(PARTITIONS)]]:
        problems.append(f"status shows {paused}")
    if arena.crew.is_ready(HANDLER):
        problems.append("it is ready")
    if arena.crew.deaths()[HANDLER]:
        problems.append("it has ended")
    return problems


ROW = Row(14, "malformed events, then a flood of them", play)

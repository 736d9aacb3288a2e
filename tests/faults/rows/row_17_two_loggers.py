"""A logger stands still for longer than its session, another takes over, and it wakes up."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from pipeline.parquet.files import noted_position
from pipeline.topics import group_of
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I4
from tests.faults.members import owned
from tests.faults.row import Row

STAGE = "inference_logger"
ZOMBIE = f"{STAGE}-2"
SLEEP = 14.0
"""Seconds: the session time-out is 10."""


def play(arena: Arena) -> Findings:
    """The first time it stands still with a whole file, about to name it.

    Only topics that are written all the time: the other logger's file is then a larger one.
    """
    rounds = arena.scale.pick(2, 1)
    taken, seconds = 0, []
    group, every = group_of(arena.case, STAGE), PARTITIONS * len(arena.topics.logged)
    kafka = arena.servers.kafka.address
    with (
        arena.running({STAGE: 2}, faults={ZOMBIE: "before-link=stop:10"}) as crew,
        arena.load(),
    ):
        for number in range(rounds):
            if number == 0:
                arena.until(lambda: crew.is_frozen(ZOMBIE), 60, "standing still at a file")
                passed = partial(is_passed, *unnamed_in(arena))
            else:
                crew.freeze(ZOMBIE)
            arena.pass_time(SLEEP)
            arena.until(passed, 60, "the other's file of the same name")
            taken += len(owned(kafka, group).get(f"{STAGE}-1", ())) == every
            began = time.monotonic()
            crew.thaw(ZOMBIE)
            arena.until(lambda: len(owned(kafka, group)) == 2, 60, "both own partitions")
            seconds.append(time.monotonic() - began)
        recovered = arena.finish()
        return Findings(
            wanted=rounds,
            injected=taken,
            verdicts=(*arena.check(I4), recovered),
            recovery=max(seconds),
        )


def unnamed_in(arena: Arena) -> tuple[Path, int, int]:
    """The topic's directory, the partition and the position before the zombie's unnamed file."""
    (path,) = (arena.settings.data_dir).rglob(f"_temporary/*,{ZOMBIE},*.parquet")
    home, number = path.parents[1], int(path.name.partition(",")[0])
    return home, number, next_offset(home, number)


def is_passed(home: Path, number: int, before: int) -> bool:
    return next_offset(home, number) > before


def next_offset(home: Path, number: int) -> int:
    noted = noted_position(home, number)
    return 0 if noted is None else noted.next_offset


ROW = Row(17, "two loggers on one partition", play)

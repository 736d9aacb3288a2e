"""The broker refuses what a worker writes: a topic's record limit is lowered while all run.

It meets a producer that has written before, and the first batch of a new one: a worker that is
started while the limit is low refuses to start, so it is lowered just before that batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from pipeline.kafka.admin import Admin
from pipeline.topics import group_of
from tests.faults.arena import Arena
from tests.faults.crew import NotInjectedError
from tests.faults.evidence import Evidence
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.logs import Topic
from tests.faults.origins import Origin
from tests.faults.row import Row
from tests.support.kafka import Cluster

LIMIT = "max.message.bytes"
SAYS = "refuses to store the record of origin"
IN_A_NEW_PRODUCER = "before-outputs=stop:1"

Positions = Mapping[str, Mapping[int, int]]
"""By stage: the next offset of each partition of what it reads."""


def play(arena: Arena) -> Findings:
    topics = arena.topics
    cases: tuple[tuple[Lower, str, str, str], ...] = (
        (under_a_producer, topics.incoming, "event_handler-1", "300"),
        (under_a_producer, topics.rejected, "event_handler-1", "64"),
        (before_a_producer, topics.rejected, "event_handler-1", "64"),
        (under_a_producer, topics.features, "stream_features-1", "64"),
        (before_a_producer, topics.features, "stream_features-1", "64"),
        (before_a_producer, topics.inferences, "serving-1", "64"),
    )  # a control record of the source's own still fits into 300 bytes
    said, seconds, examined, problems = [], [], 0, list[str]()
    with arena.running() as crew, arena.load(malformed=0.02):
        for lower, topic, worker, limit in cases:
            consuming = partial(crew.is_consuming, worker)
            arena.until(consuming, 30, f"{worker} writing")
            with usual_limit(arena, topic):
                said.append(lower(arena, topic, worker, limit))
                arena.pass_time(1.0)
                wanted, missing = due_and_missing(arena)
                examined, problems = examined + wanted, [*problems, *missing]
            seconds.append(arena.until(consuming, 30, f"{worker} going on"))
        recovered = arena.finish()
        return Findings(
            wanted=len(cases),
            injected=sum(SAYS in one for one in said),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                Verdict.of("says so", len(said), [one for one in said if SAYS not in one]),
                Verdict.of("nothing is skipped", examined, problems),
            ),
            recovery=max(seconds),
        )


Lower = Callable[[Arena, str, str, str], str]
"""Lowers a topic's limit under a worker (arena, topic, instance, bytes); why the worker ended."""


def under_a_producer(arena: Arena, topic: str, worker: str, limit: str) -> str:
    """While it writes."""
    dead = arena.crew.deaths()[worker]
    lower_limit(arena, topic, limit)
    return end_of(arena, worker, dead)


def before_a_producer(arena: Arena, topic: str, worker: str, limit: str) -> str:
    """While it stands still before the first batch that it writes."""
    crew = arena.crew
    crew.set(worker, FAULTS=IN_A_NEW_PRODUCER)
    crew.kill(worker)
    arena.until(partial(stands_still, arena, worker), 60, f"{worker} before its first batch")
    crew.set(worker)
    dead = crew.deaths()[worker]
    lower_limit(arena, topic, limit)
    crew.thaw(worker)
    return end_of(arena, worker, dead)


def stands_still(arena: Arena, worker: str) -> bool:
    try:
        return arena.crew.is_frozen(worker)
    except NotInjectedError:
        return False  # it has not been started again yet


def end_of(arena: Arena, worker: str, dead: int) -> str:
    """Why a worker has ended that had ended `dead` times before."""
    arena.until(partial(has_ended_since, arena, worker, dead), 60, f"{worker} refused")
    return arena.crew.workers[worker].why


def has_ended_since(arena: Arena, worker: str, dead: int) -> bool:
    return arena.crew.deaths()[worker] > dead


def lower_limit(arena: Arena, topic: str, limit: str) -> None:
    Cluster(arena.servers.kafka.address).configure(topic, LIMIT, limit)


@contextmanager
def usual_limit(arena: Arena, topic: str) -> Iterator[None]:
    """Whatever limit the topic had, it has again at the end."""
    with Admin.connect(arena.settings.kafka) as admin:
        usual = admin.configs((topic,))[topic][LIMIT]
    try:
        yield
    finally:
        lower_limit(arena, topic, usual)


def due_and_missing(arena: Arena) -> tuple[int, list[str]]:
    """How many outputs are due before the stages' positions, and which of them are not there."""
    positions = positions_of(arena)
    evidence = arena.evidence()
    due = causes_before(evidence, positions)
    missing = [
        f"{stage} has skipped {one}"
        for stage, wanted in due.items()
        for one in sorted(wanted - came_out(evidence, stage))
    ]
    return sum(map(len, due.values())), missing


def positions_of(arena: Arena) -> Positions:
    """As of before the logs are read."""
    with Admin.connect(arena.settings.kafka) as admin:
        committed = admin.committed(group_of(arena.case, "event_handler"))
    evidence = arena.evidence()
    return {
        "event_handler": {number: offset for (_, number), offset in committed.items()},
        "stream_features": {n: one.offset + 1 for n, one in evidence.features.markers.items()},
        "serving": {n: one.offset + 1 for n, one in evidence.scores.markers.items()},
    }


def causes_before(evidence: Evidence, positions: Positions) -> dict[str, set[Origin]]:
    """The origins that each stage must have written something for."""
    handled = before(evidence.source, positions["event_handler"])
    folded = before(evidence.incoming, positions["stream_features"])
    scored = before(evidence.serving, positions["serving"])
    return {
        "event_handler": {Origin(handled.id, one.partition, one.offset, 0) for one in handled},
        "stream_features": {
            cause.origin
            for reduced in evidence.oracle.reduce(folded).values()
            for cause in reduced.causes
        },
        "serving": {
            one.origin
            for rows in evidence.effective(scored).values()
            for one in rows
            if one.record.header("kind") != b"control"
        },
    }


def came_out(evidence: Evidence, stage: str) -> set[Origin]:
    """The origins that it has written something for."""
    outputs = {
        "event_handler": (evidence.incoming, evidence.rejected),
        "stream_features": (evidence.serving,),
        "serving": (evidence.inferences,),
    }
    return {
        one.origin
        for topic in outputs[stage]
        for rows in evidence.effective(topic).values()
        for one in rows
    }


def before(topic: Topic, ends: Mapping[int, int]) -> Topic:
    """The topic up to these offsets."""
    return replace(
        topic,
        partitions={
            number: [one for one in records if one.offset < ends.get(number, 0)]
            for number, records in topic.partitions.items()
        },
    )


ROW = Row(15, "the broker refuses a record", play)

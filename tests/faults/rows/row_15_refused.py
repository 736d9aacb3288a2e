"""The broker refuses what a worker writes: a topic's record limit is lowered while all run.

It meets a producer that has written before, and the first batch of a new one: a worker that is
started while the limit is low refuses to start, so it is lowered just before that batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from cli.state.markers import read_markers
from pipeline.kafka.admin import Admin
from pipeline.topics import group_of
from tests.faults.arena import Arena
from tests.faults.crew import NotInjectedError
from tests.faults.evidence import Evidence
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.logs import Topic
from tests.faults.origins import Effective, Origin
from tests.faults.row import Row
from tests.support.kafka import Cluster

LIMIT = "max.message.bytes"
SAYS = "refuses to store the record of origin"
IN_A_NEW_PRODUCER = "before-outputs=stop:1"


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
    said, seconds, snapshots = [], [], []
    with arena.running() as crew, arena.load(malformed=0.02):
        for lower, topic, worker, limit in cases:
            consuming = partial(crew.is_consuming, worker)
            arena.until(consuming, 30, f"{worker} writing")
            with usual_limit(arena, topic):
                said.append(lower(arena, topic, worker, limit))
                arena.pass_time(1.0)
                snapshots.append(snapshot(arena))
            seconds.append(arena.until(consuming, 30, f"{worker} going on"))
        recovered, evidence = arena.finish(), arena.evidence()
        return Findings(
            wanted=len(cases),
            injected=sum(SAYS in one for one in said),
            verdicts=(
                *(invariant(evidence) for invariant in (I1, I2, I3, I4, I5)),
                recovered,
                Verdict.of("says so", len(said), [one for one in said if SAYS not in one]),
                nothing_skipped(evidence, snapshots),
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far all was at a moment: positions were read first, then the ends of the topics."""

    positions: Mapping[str, Mapping[int, int]]
    ends: Mapping[str, Mapping[int, int]]


def snapshot(arena: Arena) -> Snapshot:
    """Positions by stage, ends by topic; each by partition."""
    with Admin.connect(arena.settings.kafka) as admin:
        committed = admin.committed(group_of(arena.case, "event_handler"))
    positions = {"event_handler": {number: offset for (_, number), offset in committed.items()}}
    for stage, markers in read_markers(arena.settings).items():
        positions[stage] = {number: one.offset + 1 for number, one in markers.items()}
    cluster = Cluster(arena.servers.kafka.address)
    return Snapshot(positions, {name: cluster.ends(name) for name in arena.topics.ours})


def nothing_skipped(evidence: Evidence, snapshots: Sequence[Snapshot]) -> Verdict:
    """Before a position, all that a stage has to write was written by then."""
    due, written = due_at(evidence), written_at(evidence)
    checked, problems = 0, []
    for number, one in enumerate(snapshots):
        for stage, places in due.items():
            wanted = before(places, one.positions[stage])
            found = {
                origin
                for topic, outputs in written[stage].items()
                for origin in before(outputs, one.ends[topic])
            }
            checked += len(wanted)
            problems += [f"{number}: {stage} skipped {lost}" for lost in sorted(wanted - found)]
    return Verdict.of("nothing is skipped", checked, problems)


def due_at(evidence: Evidence) -> dict[str, list[Effective]]:
    """What each stage has to write something for, in what it reads."""
    source = evidence.source
    caused = {cause.origin for folded in evidence.folded.values() for cause in folded.causes}
    return {
        "event_handler": [
            Effective(Origin(evidence.source_log, one.partition, one.offset, 0), one)
            for one in source
        ],
        "stream_features": [
            one for one in effective_in(evidence, evidence.incoming) if one.origin in caused
        ],
        "serving": effective_in(evidence, evidence.serving),
    }


def written_at(evidence: Evidence) -> dict[str, dict[str, list[Effective]]]:
    """What each stage has written, by topic."""
    topics = {
        "event_handler": (evidence.incoming, evidence.rejected),
        "stream_features": (evidence.serving,),
        "serving": (evidence.inferences,),
    }
    return {
        stage: {topic.name: effective_in(evidence, topic) for topic in outputs}
        for stage, outputs in topics.items()
    }


def effective_in(evidence: Evidence, topic: Topic) -> list[Effective]:
    """The records of a topic that are no replays."""
    return [one for rows in evidence.effective(topic).values() for one in rows]


def before(rows: Sequence[Effective], ends: Mapping[int, int]) -> set[Origin]:
    """The origins of what stands before these offsets."""
    return {origin for origin, record in rows if record.offset < ends.get(record.partition, 0)}


ROW = Row(15, "the broker refuses a record", play)

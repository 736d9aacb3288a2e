"""Two supervisors each run a worker of every stage under the same names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.stack.supervisor import State
from pipeline.topics import STAGES
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.evidence import Evidence
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.row import Row

LIMIT = 15.0
TAKEOVERS = 2


def play(arena: Arena) -> Findings:
    with arena.running() as first, arena.load(malformed=0.01) as source, others(arena) as second:
        crews = (first, second)
        arena.until(lambda: source.sent > 500, 30, "the source")

        def one_works() -> bool:
            second.tick()
            return all(works_alone(crews, f"{stage}-1") for stage in STAGES)

        seconds = arena.until(one_works, 60, "one of each name works")
        recovered = arena.finish()
        takeovers = {name: deaths(crews, name) for name in first.workers}
        many = [f"{name}: {count}" for name, count in takeovers.items() if count > TAKEOVERS]
        again = [name for name in first.workers if not works_alone(crews, name)]
        return Findings(
            wanted=len(STAGES),
            injected=sum(1 for count in takeovers.values() if count),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                arena.within("one works", [seconds], LIMIT),
                Verdict.of(f"at most {TAKEOVERS} takeovers", len(takeovers), many),
                Verdict.of("whoever was fenced stays away", len(takeovers), again),
                Verdict.of("at most one batch twice", 1, copies(arena.evidence(), arena)),
            ),
            recovery=seconds,
        )


@contextmanager
def others(arena: Arena) -> Iterator[Crew]:
    """The second supervisor, which starts its workers at its first tick."""
    counts, logs = dict.fromkeys(STAGES, 1), arena.directory / "logs-2"
    crew = Crew(arena.name, counts, arena.environ, logs, arena.build, lambda _: None)
    try:
        yield crew
    finally:
        crew.stop()


def works_alone(crews: tuple[Crew, Crew], name: str) -> bool:
    """Whether one has been refused for good and the other brings batches to their effects."""
    states = [crew.workers[name].state for crew in crews]
    return sorted(states) == [State.REFUSED, State.RUNNING] and any(
        crew.is_consuming(name) for crew in crews
    )


def deaths(crews: tuple[Crew, Crew], name: str) -> int:
    return sum(crew.deaths()[name] for crew in crews)


def copies(evidence: Evidence, arena: Arena) -> list[str]:
    """What was written to `incoming-events` once more, where that is more than a batch."""
    topic = evidence.incoming
    more = len(topic) - sum(map(len, evidence.effective(topic).values()))
    return [f"{more} copies"] if more > arena.settings.batch_records else []


ROW = Row(27, "two workers of one name", play)

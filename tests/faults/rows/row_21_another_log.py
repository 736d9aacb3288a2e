"""The log is no longer the one that the state was made of: four ways, each refused and mended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from kafka import KafkaAdminClient
from redis import Redis

from cli.stack.supervisor import State
from cli.state.markers import KINDS
from pipeline.keys import Keys
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.epochs import over_epochs
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.logs import Logs, read_logs
from tests.faults.row import Row
from tests.support.kafka import Cluster, eventually

REFUSED = 3
RATE = 2_000.0
NEW_EPOCH = ("rebuild", "--new-epoch", "--yes")
MORE = 2
"""Times as many partitions."""


@dataclass
class Scenes:
    """What was done and seen so far, by what it was seen of.

    `epochs` is all that there was when the newest epoch began.
    """

    arena: Arena
    seen: dict[str, list[Verdict]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    injected: int = 0
    epochs: Logs | None = None

    def saw(self, name: str, fault: str, verdict: Verdict) -> None:
        """A verdict on one of the faults."""
        problems = tuple(f"{fault}: {one}" for one in verdict.problems)
        self.seen.setdefault(name, []).append(replace(verdict, problems=problems))

    def refuses(self, fault: str, said: Mapping[str, str], command: str) -> None:
        """Who refuses has to name the command."""
        named = all(f"`pipeline {command}`" in one for one in said.values())
        seen = fact("", holds=bool(said) and named, otherwise=f"{said}")
        self.saw("refused with the command that mends it", fault, seen)

    def mends(self, fault: str, *arguments: str) -> None:
        """Run the command."""
        ended = self.arena.pipeline(*arguments)
        self.saw("the command", fault, fact("", holds=ended.status == 0, otherwise=ended.output))

    def is_right(self, fault: str) -> None:
        """Everything is as the oracle says."""
        evidence = self.arena.evidence()
        if self.epochs is not None:
            evidence.logs = over_epochs(self.epochs, self.now())
        for invariant in (I1, I2, I3):
            verdict = invariant(evidence)
            self.saw(verdict.name, fault, verdict)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each thing that was looked at; it holds if it held of every fault."""
        return tuple(
            Verdict(
                name,
                min(one.checked for one in some),
                tuple(problem for one in some for problem in one.problems),
                sum(one.count for one in some),
            )
            for name, some in self.seen.items()
        )

    def now(self) -> Logs:
        topics = self.arena.topics
        names = (topics.generated, *topics.ours)
        return read_logs(self.arena.settings.kafka.bootstrap, names)

    def ends_epoch(self) -> None:
        """What there is now belongs to an older epoch."""
        now = self.now()
        self.epochs = now if self.epochs is None else over_epochs(self.epochs, now)


def play(arena: Arena) -> Findings:
    scenes = Scenes(arena)
    with_other_markers(scenes)
    goes_on(scenes, "marker past the end")
    topic_made_again(scenes)
    goes_on(scenes, "made again")
    more_partitions(scenes)
    goes_on(scenes, "more partitions")
    return Findings(
        wanted=4,
        injected=scenes.injected,
        verdicts=scenes.verdicts,
        recovery=max(scenes.seconds),
    )


def goes_on(scenes: Scenes, fault: str) -> None:
    """More events, up to all their effects."""
    arena = scenes.arena
    with arena.running():
        with arena.load(rate=RATE):
            recovered = arena.finish()
        scenes.saw("I7", fault, recovered)
        scenes.is_right(fault)


def with_other_markers(scenes: Scenes) -> None:
    """Another declaration, while workers run; then offsets that the log does not have."""
    arena = scenes.arena
    with arena.running() as crew:
        with arena.load(rate=RATE):
            arena.finish()
        scenes.injected += tamper(arena, "fingerprint", "0123456789abcdef")
        scenes.refuses("another declaration", until_refused(arena, crew), "rebuild")
        scenes.mends("another declaration", "rebuild")
        ready = [partial(crew.is_ready, f"{stage}-1") for stage in KINDS]
        took = arena.until(lambda: all(one() for one in ready), 30, "ready again")
        scenes.seconds.append(took)
        arena.settle()
        scenes.is_right("another declaration")
        scenes.injected += tamper(arena, "offset", "1000000")
        scenes.refuses("marker past the end", until_refused(arena, crew), "rebuild --new-epoch")
    scenes.mends("marker past the end", *NEW_EPOCH)


def tamper(arena: Arena, name: str, value: str) -> int:
    """Give a field of all markers another value; 1 once that is done."""
    with Redis.from_url(arena.settings.redis.url) as client:
        keys = [
            Keys(arena.name, kind).marker(number)
            for kind in KINDS.values()
            for number in range(arena.settings.partitions)
        ]
        new = [client.hset(key, name, value) for key in keys]
    return int(not any(new))


def until_refused(arena: Arena, crew: Crew) -> dict[str, str]:
    """What both stages with a state say once they refuse."""
    workers = {name: crew.workers[name] for name in (f"{stage}-1" for stage in KINDS)}
    arena.until(
        lambda: all(one.state is State.REFUSED for one in workers.values()), 30, "both refuse"
    )
    return {name: one.why for name, one in workers.items()}


def topic_made_again(scenes: Scenes) -> None:
    arena = scenes.arena
    scenes.ends_epoch()
    before = scenes.now()[arena.topics.incoming].id
    Cluster(arena.settings.kafka.bootstrap).delete(arena.topics.incoming)
    scenes.mends("made again", "topics", "create")
    scenes.injected += scenes.now()[arena.topics.incoming].id != before
    said = {stage: refusal(arena, stage) for stage in ("stream_features", "inference_logger")}
    scenes.refuses("made again", said, "rebuild --new-epoch")
    scenes.mends("made again", *NEW_EPOCH)


def more_partitions(scenes: Scenes) -> None:
    arena = scenes.arena
    scenes.ends_epoch()
    before = arena.settings.partitions
    scenes.injected += grow(arena, MORE * before)
    said = {stage: refusal(arena, stage) for stage in ("event_handler", "stream_features")}
    scenes.refuses("more partitions", said, "rebuild --new-epoch")
    arena.settings_of_row["PARTITIONS"] = str(MORE * before)
    said = {stage: refusal(arena, stage) for stage in KINDS}
    scenes.refuses("the new number", said, "rebuild --new-epoch")
    scenes.mends("more partitions", *NEW_EPOCH)


def grow(arena: Arena, partitions: int) -> int:
    """1 once all our topics have so many."""
    client = KafkaAdminClient(bootstrap_servers=arena.settings.kafka.bootstrap)
    try:
        client.create_partitions(dict.fromkeys(arena.topics.ours, partitions))
    finally:
        client.close()
    cluster = Cluster(arena.settings.kafka.bootstrap)
    eventually(lambda: all(len(cluster.ends(one)) == partitions for one in arena.topics.ours))
    return 1


def refusal(arena: Arena, stage: str) -> str:
    """The last words of a worker that ends by refusing; nothing where it ends otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.worker_main", stage, arena.name],
        cwd=arena.build,
        env={**arena.environ, "PIPELINE_INSTANCE": f"{stage}-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60 * arena.scale.patience,
        check=False,
    )
    return next(reversed(done.stdout.splitlines()), "") if done.returncode == REFUSED else ""


ROW = Row(21, "another log than the state's", play)

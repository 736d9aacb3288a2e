"""Two workers that both believe they own a partition, on a Redis that goes back and acks that get
lost: in whatever order things happen, Redis equals the fold and each score is asked for once.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import InfrastructureError
from pipeline.kafka.feed import Batch
from tests.support.events import SECOND
from tests.support.fakes import FakeStore, FakeWriter, origin_of
from tests.support.folding import a_log
from tests.support.properties import MANY
from tests.support.stages import TOPICS, Rig, straight_fold

LOG = a_log(30, users=4)
FOLDED = straight_fold(LOG)


@dataclass
class Play:
    """Both workers on the same store and the same output partitions."""

    store: FakeStore = field(default_factory=FakeStore)
    writer: FakeWriter = field(default_factory=FakeWriter)
    workers: list[Rig] = field(default_factory=list)
    hands: list[list[Batch]] = field(default_factory=lambda: [[], []])
    copies: list[FakeStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = [self.new(), self.new()]

    def new(self) -> Rig:
        return Rig({0: LOG}, self.store, self.writer, size=4)

    async def step(self, worker: int, action: str) -> None:
        if action in {"poll", "work", "lose"}:
            await self.work(worker, action)
        else:
            self.happen(worker, action)

    async def work(self, worker: int, action: str) -> None:
        rig = self.workers[worker]
        if action == "poll":
            self.hands[worker] = await rig.feed.poll(rig.stage)
            return
        self.writer.failures = [1] if action == "lose" else []
        try:
            await rig.stage.process(self.hands[worker])
        except InfrastructureError:
            return  # the same batch stays in hand
        finally:
            self.writer.failures = []

    def happen(self, worker: int, action: str) -> None:
        if action == "crash":
            self.workers[worker], self.hands[worker] = self.new(), []
        elif action == "rebalance":
            self.workers[worker].feed.rebalance()
        elif action == "copy":
            self.copies.append(deepcopy(self.store))
        elif action == "back" and self.copies:
            older = self.copies[-1]
            self.store.markers = deepcopy(older.markers)
            self.store.entities = deepcopy(older.entities)
        elif action == "second":
            self.workers[worker].clock.at += 2 * SECOND

    async def end(self) -> None:
        """One worker is left, and everything is quiet."""
        rig = self.new()
        await rig.run()


ACTIONS = ["poll", "work", "work", "poll", "lose", "crash", "rebalance", "copy", "back", "second"]
steps = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(ACTIONS)), max_size=60)


@MANY
@given(steps)
@example([(0, "poll"), (1, "poll"), (0, "work"), (1, "work")])
@example([(0, "poll"), (0, "work"), (0, "poll"), (0, "lose"), (0, "crash")])
@example([(0, "poll"), (0, "work"), (0, "copy"), (0, "poll"), (0, "work"), (0, "back")])
async def test_redis_equals_the_fold_and_no_score_is_lost(plan: list[tuple[int, str]]) -> None:
    play = Play()
    for worker, action in plan:
        await play.step(worker, action)
    await play.end()
    generation = play.store.markers[0]["generation"]
    found = {e: values for (_, g, e), values in play.store.entities.items() if g == generation}
    assert found == FOLDED.entities
    asked = [(origin_of(one), one.key) for one in play.writer.effective(TOPICS.features)]
    assert asked == [(origin, entity.encode()) for origin, entity in FOLDED.scored]


@MANY
@given(steps)
async def test_every_copy_of_an_output_is_the_same(plan: list[tuple[int, str]]) -> None:
    play = Play()
    for worker, action in plan:
        await play.step(worker, action)
    await play.end()
    first: dict[object, bytes | None] = {}
    for records in play.writer.logs.values():
        for one in records:
            assert first.setdefault(origin_of(one), one.value) == one.value

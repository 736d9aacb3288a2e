"""A new aggregation on old data: heirs of all partitions grow up beside the live states.

They follow them, are compared with them, and take over while these stand still for a moment, all at
one exact offset each: no record is folded twice or left out, and none causes its score anew.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.clock import Clock
from pipeline.errors import Refusal
from pipeline.marker import Marker
from pipeline.parquet.files import ask_for_files, position_of
from pipeline.store.store import Store
from rebuild.added import refuse_mismatch
from rebuild.heir import Heir, Nursery

_TRIES = 1_000  # a marker moves between two looks at it now and then, never a thousand times
_PAUSE_SECONDS = 0.2

Say = Callable[[str], None]


@dataclass(slots=True)
class Backfill:
    """Brings these partitions from one declaration to another. Workers of the old one may run."""

    nursery: Nursery
    scores: Store
    partitions: Sequence[int]
    clock: Clock
    say: Say
    patience: float = 60.0
    """Seconds that the logger may need to come to a marker."""
    _heirs: list[Heir] = field(default_factory=list)

    async def run(self) -> None:
        """Do it; killed, it is done by running it again.

        Raises Refusal; then the live state is as it was, though its workers may have ended.
        """
        await self._free()
        for partition in self.partitions:
            await self._begin(partition)
        for heir in self._heirs:
            await self._follow(heir)
        self.nursery.faults.hit("before-fence")
        try:
            await self._stand_still()
        except BaseException:  # whatever it is, an interrupt too: no partition may stay fenced
            await self._free()
            raise
        for heir in self._heirs:
            self.nursery.faults.hit("before-switch")
            await heir.take_over()
            self.say(f"features {heir.partition}: handed over behind offset {heir.built.offset:,}")
        self.nursery.faults.hit("before-scores")
        await self._hand_scores_over()

    async def _begin(self, partition: int) -> None:
        live = await self._live(partition)
        if live is None or live.fingerprint == self._fingerprint:
            self.say(f"features {partition}: {'already done' if live else 'nothing is live'}")
            return
        for elder in self._heirs:
            await self.nursery.building.hold(elder.partition)
        heir = await Heir.born(self.nursery, partition, live, uuid.uuid4().hex[:8])
        self._heirs.append(heir)
        self.say(f"features {partition}: built beside the live state up to {heir.built.offset:,}")

    async def _stand_still(self) -> None:
        """Stop the live states where they are, and bring their heirs there."""
        for heir in self._heirs:
            await self._mark(
                self.nursery.building.live,
                heir.partition,
                lambda one: one if one.is_fenced else one.fenced(self._fingerprint),
            )
        self.nursery.faults.hit("after-fence")
        for heir in self._heirs:
            await self._follow(heir)
            refuse_mismatch(heir.partition, heir.unsure)

    async def _follow(self, heir: Heir) -> None:
        live = await self._live(heir.partition)
        if live is None:
            raise Refusal(
                f"the marker of partition {heir.partition} is gone", "Run `pipeline rebuild`"
            )
        await self._wait_for_log(heir.partition, live.offset)
        records = await heir.follow(live)
        self.say(f"features {heir.partition}: {records:,} records more, up to {live.offset:,}")

    async def _wait_for_log(self, partition: int, offset: int) -> None:
        deadline = self.clock.monotonic() + self.patience
        while self._next_logged(partition) <= offset:
            if self.clock.monotonic() > deadline:
                raise Refusal(
                    f"the log in Parquet of partition {partition} does not come to offset {offset}",
                    "See that inference_logger runs, and run `pipeline backfill` again",
                )
            self._ask_for_log()
            await asyncio.sleep(_PAUSE_SECONDS)

    def _ask_for_log(self) -> None:
        """Without it the logger might hold the last records for minutes."""
        ground = self.nursery.builder.ground
        try:
            ask_for_files(ground.parquet_dir / ground.topics.incoming)
        except OSError as error:
            raise Refusal(
                f"inference_logger cannot be asked for files: {error}",
                "Run this as the user that it runs as",
            ) from error

    def _next_logged(self, partition: int) -> int:
        ground = self.nursery.builder.ground
        found = position_of(ground.parquet_dir / ground.topics.incoming, partition)
        if found is not None:
            return found.next_offset
        return ground.history(ground.topics.incoming).current.start(partition)

    async def _free(self) -> None:
        """Undo the fences of this run, or of one that was killed."""
        for partition in self.partitions:
            live = await self._live(partition)
            if live is not None and live.is_fenced:
                await self._mark(self.nursery.building.live, partition, Marker.freed)

    async def _hand_scores_over(self) -> None:
        """The latest scores depend on no aggregation: their markers only get the new name."""
        for partition in self.partitions:
            done = await self._mark(
                self.scores, partition, lambda one: replace(one, fingerprint=self._fingerprint)
            )
            if done is not None:
                self.say(f"scores {partition}: handed over behind offset {done.offset:,}")

    async def _mark(
        self, store: Store, partition: int, change: Callable[[Marker], Marker]
    ) -> Marker | None:
        """Change a marker, if there is one, wherever it stands at that moment; returns it."""
        found = await store.marker(partition)
        for _ in range(_TRIES):
            if found is None or change(found) == found:
                return found
            conflict = await store.write(partition, found, change(found), {})
            if conflict is None:
                return change(found)
            found = conflict.actual
        raise Refusal(f"the marker of partition {partition} never stands still", "Try again")

    async def _live(self, partition: int) -> Marker | None:
        return await self.nursery.building.live.marker(partition)

    @property
    def _fingerprint(self) -> str:
        return self.nursery.added.case.fingerprint

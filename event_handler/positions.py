"""Where the handler stands in its sources, and whether it may read on.

Both are what its group has committed: the offset, and the note beside it (`notes`). A partition
whose note says that it is paused has no position: the gate stays shut, whoever owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from event_handler.core import STAGE
from event_handler.flood import Flood
from event_handler.notes import LetThrough, Pause, decode, encode
from pipeline import metrics
from pipeline.clock import Clock
from pipeline.errors import InfrastructureError
from pipeline.health import Health
from pipeline.kafka.admin import Commit
from pipeline.kafka.feed import Batch, Log, Reader
from pipeline.logs import log

Key = tuple[str, int]
"""A partition of a topic."""

_COMMIT_SECONDS = 0.25
_CLOSE_SECONDS = 1.0


class GroupReader(Reader, Protocol):
    """A reader that also knows what the group has committed."""

    @property
    def held(self) -> Sequence[Key]:
        """The partitions that are ours and not to be read for now."""
        ...

    @property
    def passed(self) -> Mapping[Key, int]:
        """The next offset of partitions where only ends of transactions follow."""
        ...

    async def committed(self, topic: str, partition: int) -> Commit | None:
        """What is committed for a partition."""
        ...

    async def commit_noted(self, commits: Mapping[Key, Commit]) -> None:
        """Commit next offsets with notes. Raises InfrastructureError."""
        ...


class Resumes(Protocol):
    """Tells which pauses a person has ended; the real one is `event_handler.resumes`."""

    async def let_through(self, key: Key, pause: Pause) -> int | None:
        """The offset before which all is let through; None while the pause lasts."""
        ...


@dataclass(slots=True)
class GroupPositions:
    """Commits, counts, and pauses what this process reads when that is a flood."""

    flood: Flood
    resumes: Resumes
    clock: Clock
    health: Health
    reader: GroupReader = field(init=False)
    committed: dict[Key, Commit] = field(default_factory=dict)
    reached: dict[Key, int] = field(default_factory=dict)
    """The next offset after what came out, committed or not yet."""
    committed_at: float = -math.inf
    let_through: dict[Key, int] = field(default_factory=dict)

    async def position(self, log: Log) -> int | None:
        """The committed offset, or the log's first where nothing was; None while paused."""
        key = (log.topic, log.partition)
        found = await self.reader.committed(*key) or Commit(log.start)
        note = decode(found.note)
        if isinstance(note, Pause) and note.share > self.flood.share:
            before = await self.resumes.let_through(key, note)
            if before is None:
                self._held(key, note)
                return None
            note = LetThrough(before)
        self.let_through[key] = note.before if isinstance(note, LetThrough) else 0
        self.committed[key] = found
        self.reached[key] = found.offset
        return found.offset

    def is_new(self, batch: Batch) -> bool:
        """False for a batch that is no longer ours, or that came out already."""
        key = (batch.topic, batch.partition)
        return self.reader.is_current(batch) and batch.next_offset > self.reached[key]

    def came_out(self, batch: Batch, rejected: int) -> None:
        """All of `batch` is acknowledged, so many as rejected."""
        key = (batch.topic, batch.partition)
        self.reached[key] = batch.next_offset
        if batch.start >= self.let_through[key]:
            self.flood.count(self.clock.monotonic(), len(batch.records), rejected)

    async def commit_if_due(self) -> None:
        """Commit what is read by now, unless that was done a moment ago.

        A commit costs the broker as much as a batch does. Whoever takes over sends the moment's
        records once more, with the origins by which everyone drops what has been there.
        """
        if self.clock.monotonic() - self.committed_at >= _COMMIT_SECONDS:
            await self.commit()

    async def commit(self) -> None:
        """Commit all that is read by now: what came out, and the ends of transactions."""
        offsets = {key: self.reached[key] for key in self.reader.owned} | dict(self.reader.passed)
        wanted = {key: Commit(offset, self._note(key, offset)) for key, offset in offsets.items()}
        await self._commit({key: one for key, one in wanted.items() if one != self.committed[key]})
        self.committed_at = self.clock.monotonic()

    async def close(self) -> None:
        """Commit once more, if that is a matter of a moment."""
        with contextlib.suppress(InfrastructureError, TimeoutError):
            await asyncio.wait_for(self.commit(), _CLOSE_SECONDS)

    async def pause_in_a_flood(self) -> None:
        """Read nothing more of what is ours, if too much of it was rejected."""
        self._show(self.reader.held)
        owned, share = self.reader.owned, self.flood.rejected_share()
        if share is None or not owned:
            return
        note = encode(Pause(self.clock.now(), share))
        await self._commit({key: Commit(self.reached[key], note) for key in owned})
        self.flood.forget()
        self._show(owned)
        for key in owned:
            self.reader.reposition(*key)

    def _note(self, key: Key, offset: int) -> str:
        before = self.let_through[key]
        return encode(LetThrough(before)) if offset < before else ""

    async def _commit(self, commits: Mapping[Key, Commit]) -> None:
        if commits:
            await self.reader.commit_noted(commits)
            self.committed.update(commits)

    def _held(self, key: Key, pause: Pause) -> None:
        if key not in self.reader.held:
            log.error(
                "paused: too many records were rejected; `pipeline resume event_handler` goes on",
                topic=key[0],
                partition=key[1],
                rejected_share=round(pause.share, 3),
            )

    def _show(self, held: Sequence[Key]) -> None:
        self.health.paused = bool(held)
        metrics.PAUSED.labels(STAGE).set(len(held))

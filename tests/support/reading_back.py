"""A fake of who reads back what a FakeWriter holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import InRecord, OutRecord, Target
from tests.support.events import consumed
from tests.support.fakes import FakeWriter


@dataclass
class FakeReadingBack:
    """Reads so many records at once; those before `start` are deleted."""

    writer: FakeWriter
    topic: str
    at_once: int = 2
    start: int = 0
    reads: int = 0

    async def end(self, partition: int) -> int:
        return len(self._log(partition))

    async def read(self, partition: int, offset: int, end: int) -> tuple[Sequence[InRecord], int]:
        first = max(offset, self.start)
        after = min(first + self.at_once, end)
        self.reads += max(after - first, 0)
        return [
            consumed(one.value, topic=self.topic, offset=n, key=one.key, headers=one.headers)
            for n, one in enumerate(self._log(partition)[first:after], first)
        ], max(after, first)

    async def release(self, partition: int) -> None:
        pass

    async def close(self) -> None:
        pass

    def _log(self, partition: int) -> list[OutRecord]:
        return self.writer.logs.get(Target(self.topic, partition), [])

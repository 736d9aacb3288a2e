"""One pass over the log: dates that are too old are removed, and those that are over merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from compaction.dates import Day, days_of
from compaction.service import Compactor, Outcome
from pipeline.parquet.locks import rearranging


@dataclass(frozen=True, slots=True)
class Pass:
    """Looks at the dates of `topics` that are before `end`; removes those before `oldest`."""

    compactor: Compactor
    topics: Sequence[str]
    end: date
    oldest: date

    @property
    def days(self) -> list[Day]:
        """All dates it looks at, by topic."""
        homes = (self.compactor.root / topic for topic in self.topics)
        return [day for home in homes for day in days_of(home, self.end)]

    def outcomes(self) -> Iterator[Outcome]:
        """Do what is to do, and say what became of each date. Blocks; raises OSError and Refusal.

        The log is whole whenever it is left.
        """
        with rearranging(self.compactor.root):
            self.compactor.prepare()
            for day in self.days:
                if day.date < self.oldest:
                    yield self.compactor.expire(day)
                elif not day.is_compact():
                    yield self.compactor.compact(day)


def oldest_of(today: date, days: int) -> date:
    """The first date that is kept for so many days; 0 keeps all."""
    return today - timedelta(days=days) if days else date.min

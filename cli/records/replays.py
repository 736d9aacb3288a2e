"""Which rejected records are to be replayed, and what becomes of the others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from cli.records.rejects import Reject, reject_of
from event_handler.core import STAGE
from pipeline.origin import Highest, Origin
from pipeline.records import InRecord


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rejections are meant; an empty set means all.

    `since` and `until` are microseconds: rejected at the one or later, and before the other.
    """

    stages: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None

    def takes(self, reject: Reject, at: int) -> bool:
        """Whether a rejection of that time is meant."""
        return (
            (not self.stages or reject.stage in self.stages)
            and (not self.reasons or reject.reason in self.reasons)
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


@dataclass(slots=True)
class Tally:
    """What is to become of the rejections of one stage for one reason; each is in one count."""

    due: int = 0
    replayed: int = 0
    too_large: int = 0
    not_from_source: int = 0

    @property
    def found(self) -> int:
        """How many there are."""
        return self.due + self.replayed + self.too_large + self.not_from_source


@dataclass(slots=True)
class Selection:
    """Goes over `rejected-events` once; each origin counts once per stage, as the origin rule says.

    `replayed` are the origins in the ledger; `fits` says whether the source takes the record.
    """

    choice: Choice
    replayed: frozenset[str]
    fits: Callable[[Reject], bool]
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    _highest: dict[str, Highest] = field(default_factory=dict)

    def due(self, records: Iterable[InRecord]) -> Iterator[Reject]:
        """The rejections to replay, in the order they stand in the topic's partitions."""
        for record in records:
            reject = reject_of(record)
            origin = _origin(reject)
            if not self._is_first(reject.stage, origin) or not self.choice.takes(
                reject, record.timestamp * 1000
            ):
                continue
            tally = self.tallies.setdefault((reject.stage, reject.reason), Tally())
            if reject.stage != STAGE or origin is None:
                tally.not_from_source += 1
            elif reject.origin in self.replayed:
                tally.replayed += 1
            elif not (reject.is_whole and self.fits(reject)):
                tally.too_large += 1
            else:
                tally.due += 1
                yield reject

    def _is_first(self, stage: str, origin: Origin | None) -> bool:
        return origin is None or self._highest.setdefault(stage, Highest()).admit(origin)


def _origin(reject: Reject) -> Origin | None:
    """Nothing for a record that none of our stages wrote."""
    try:
        return Origin.decode(reject.origin.encode())
    except ValueError:
        return None
